import { isCertctlError, parseConfig } from '@certctl/core'
import { createTestCa, createTestIssuerHost } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import stepCa from '../src/index.js'
import { askedAt, connectorTo, failureOf, issue, never, tokenIn } from './fake-bench.js'
import { address, type FakeStepCa, fakeStepCa, keyPath, password, rootPath } from './fake-step-ca.js'
import { createProvisionerMaterial } from './provisioner-material.js'

const [instance] = stepCa.environment ?? []

/** As the documentation prints them, and the root, without which nobody trusts a private CA. */
const documented = {
  CERTCTL_STEPCA_URL: address,
  CERTCTL_STEPCA_PROVISIONER: 'adm',
  CERTCTL_STEPCA_KEY_PATH: keyPath,
  CERTCTL_STEPCA_PASSWORD: password,
  CERTCTL_STEPCA_ROOT_CERT: rootPath,
}

/** What the server makes of these variables; numbers by the field's type. */
function configOf(environment: Readonly<Record<string, string>>): Record<string, unknown> {
  const pairs = Object.entries(instance?.variables ?? {}).flatMap(([field, variable]) => {
    const text = environment[variable]
    if (text === undefined) return []
    return [[field, field === 'validity_days' ? Number(text) : text] as const]
  })
  return Object.fromEntries(pairs)
}

async function orderUnder(environment: Readonly<Record<string, string>>, world: FakeStepCa) {
  const config = parseConfig(stepCa.configSchema, configOf(environment), stepCa.type)
  return await issue(stepCa.create(config, world.host))
}

describe('the configuration as documented', () => {
  it('makes iss-stepca from the environment, and issues', async () => {
    expect(instance).toMatchObject({ id: 'iss-stepca', when: 'CERTCTL_STEPCA_URL' })
    expect((await orderUnder(documented, await fakeStepCa())).certificate.names).toHaveLength(1)
  })

  it('is accepted as printed, ninety days and all, and issues for what the provisioner allows', async () => {
    const world = await fakeStepCa()
    const printed = {
      ca_url: 'https://ca.internal:9000',
      provisioner_name: 'certctl',
      provisioner_key_path: '/etc/certctl/stepca/provisioner.json',
      provisioner_password: '...',
      root_cert_path: '/etc/certctl/stepca/root_ca.crt',
      validity_days: 90,
    }
    parseConfig(stepCa.configSchema, printed, stepCa.type)
    const ours = { ca_url: address, provisioner_name: 'adm', provisioner_password: password }
    const { certificate } = await issue(connectorTo(world, { ...printed, ...ours }))
    expect(certificate.notAfter.getTime() - world.host.now().getTime()).toBeLessThanOrEqual(86_400_000)
  })

  it('has no variable that does nothing', async () => {
    const seen: string[] = []
    const does = async (variable: string, value: string, prepare: (world: FakeStepCa) => unknown = () => undefined) => {
      seen.push(variable)
      const world = await fakeStepCa()
      await prepare(world)
      const { CERTCTL_STEPCA_ROOT_CERT: _, ...rootless } = documented
      const base = variable.endsWith('FINGERPRINT') ? rootless : documented
      const ending = await failureOf(orderUnder({ ...base, [variable]: value }, world))
      return { world, ending }
    }
    expect((await does('CERTCTL_STEPCA_URL', 'https://other.example')).world.requests[0]?.url.host).toBe(
      'other.example',
    )
    expect((await does('CERTCTL_STEPCA_PROVISIONER', 'eve')).ending).toMatch(/no JWK provisioner "eve"; there are: adm/)
    const { jwk } = await createProvisionerMaterial('adm', password)
    const other = await does('CERTCTL_STEPCA_KEY_PATH', '/k', ({ host }) => host.files.replace('/k', jwk, {}))
    expect(other.ending).toMatch(/another provisioner's/)
    expect((await does('CERTCTL_STEPCA_PASSWORD', 'x')).ending).toMatch(/provisioner_password does not open it/)
    expect((await does('CERTCTL_STEPCA_PROVISIONER_KID', 'k1')).ending).toMatch(/not with key id k1/)
    expect(
      (await does('CERTCTL_STEPCA_ROOT_CERT', '/r', ({ host }) => host.files.replace('/r', 'x', {}))).ending,
    ).toMatch(/\/r holds no certificate/)
    const fingerprint = 'ab'.repeat(32)
    expect((await does('CERTCTL_STEPCA_ROOT_FINGERPRINT', fingerprint)).world.requests[0]?.path).toBe(
      `/root/${fingerprint}`,
    )
    const short = (await does('CERTCTL_STEPCA_VALIDITY_DAYS', '1')).world
    expect(askedAt(short, '/1.0/sign')[0]?.json()).toMatchObject({ notAfter: '86400s' })
    expect(seen.sort()).toEqual(Object.values(instance?.variables ?? {}).sort())
  })

  it('refuses an address without TLS and a fingerprint that is none', () => {
    const faultOf = (over: object): string => {
      try {
        parseConfig(stepCa.configSchema, { ca_url: address, provisioner_name: 'adm', ...over }, 'StepCA')
        return 'accepted'
      } catch (error) {
        return isCertctlError(error) ? error.message : String(error)
      }
    }
    expect(faultOf({ ca_url: 'http://ca.internal' })).toMatch(/must begin with https/)
    expect(faultOf({ root_fingerprint: 'abc' })).toMatch(/64 hex digits/)
    expect(faultOf({ insecure: true })).toMatch(/insecure: is not a known field/)
    expect(faultOf({ root_fingerprint: 'AB:'.repeat(31).concat('AB') })).toBe('accepted')
  })
})

describe('the root', () => {
  it('by fingerprint is fetched once for all copies, over the one connection that is not proven, which carries nothing else', async () => {
    const world = await fakeStepCa()
    const over = { root_cert_path: undefined, root_fingerprint: world.rootFingerprint }
    await issue(connectorTo(world, over))
    await issue(connectorTo(world, over))
    const unproven = world.requests.filter(({ options }) => options.tls?.insecure === true)
    expect(unproven.map(({ path }) => path)).toEqual([`/root/${world.rootFingerprint}`])
    expect(unproven[0]?.body).toHaveLength(0)
  })

  it('that does not hash to the fingerprint is not trusted, and nothing more is sent', async () => {
    const world = await fakeStepCa()
    const { intermediatePem } = await createTestCa()
    world.handedRoot = intermediatePem
    const over = { root_cert_path: undefined, root_fingerprint: world.rootFingerprint }
    expect(await failureOf(issue(connectorTo(world, over)))).toMatch(/^upstream_protocol: .*nobody sits in between/)
    expect(world.requests).toHaveLength(1)
  })

  it('kept from before is believed by its hash only', async () => {
    const world = await fakeStepCa()
    await world.host.state.put(`root/${world.rootFingerprint}`, { root_pem: 'forged' })
    const over = { root_cert_path: undefined, root_fingerprint: world.rootFingerprint }
    await issue(connectorTo(world, over))
    expect(askedAt(world, `/root/${world.rootFingerprint}`)).toHaveLength(1)
  })

  it('in a file that holds another than the fingerprint names is refused', async () => {
    const world = await fakeStepCa()
    const over = { root_fingerprint: 'cd'.repeat(32) }
    expect(await failureOf(issue(connectorTo(world, over)))).toMatch(
      /^config_invalid: .*no certificate with root_fingerprint cdcd/,
    )
    await issue(connectorTo(world, { root_fingerprint: world.rootFingerprint }))
  })

  it('that is given nowhere leaves the roots of the system', async () => {
    const world = await fakeStepCa()
    expect(await failureOf(issue(connectorTo(world, { root_cert_path: undefined })))).toMatch(/^upstream_unavailable: /)
    expect(world.requests[0]?.options.tls).toEqual({ caPem: undefined })
  })
})

describe('the provisioner', () => {
  it('is found on a later page', async () => {
    const world = await fakeStepCa()
    world.others = 250
    await issue(connectorTo(world))
    expect(askedAt(world, '/1.0/provisioners').map(({ query }) => query.get('cursor'))).toEqual([null, '100', '200'])
  })

  it('of another type is refused by name', async () => {
    const world = await fakeStepCa()
    world.type = 'OIDC'
    expect(await failureOf(issue(connectorTo(world)))).toMatch(
      /^config_invalid: .*of type OIDC; one of type JWK is needed/,
    )
  })

  it('is looked at once in some minutes', async () => {
    const world = await fakeStepCa()
    const connector = connectorTo(world)
    await issue(connector)
    await issue(connector)
    expect(askedAt(world, '/1.0/provisioners')).toHaveLength(1)
    world.host.clock.advance(301)
    await issue(connector)
    expect(askedAt(world, '/1.0/provisioners')).toHaveLength(2)
  })

  it('gives its key out where no file is named, and needs the password for it', async () => {
    const world = await fakeStepCa()
    const connector = connectorTo(world, { provisioner_key_path: undefined })
    await issue(connector)
    expect(tokenIn(askedAt(world, '/1.0/sign')[0]).kid).toBe(world.material.publicJwk.kid)
    const without = connectorTo(world, { provisioner_key_path: undefined, provisioner_password: undefined })
    expect(await failureOf(without.test?.(never))).toMatch(
      /^config_invalid: .*it is encrypted; give provisioner_password/,
    )
  })

  it('whose key file changes is asked with the new key', async () => {
    const world = await fakeStepCa()
    const host = { ...world.host, files: createTestIssuerHost().files }
    await host.files.replace(rootPath, await world.host.files.read(rootPath), {})
    await host.files.replace(keyPath, (await createProvisionerMaterial('adm', password)).jwk, {})
    const connector = connectorTo(world, {}, host)
    expect(await failureOf(issue(connector))).toMatch(/another provisioner's/)
    await host.files.replace(keyPath, world.material.jwk, {})
    await issue(connector)
  })
})
