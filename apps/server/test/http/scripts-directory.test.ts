import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createDnsScene, type DnsScene, dnsPath, internal } from './dns-scene.js'
import { createTestApp, type TestApp } from './test-app.js'

let app: TestApp
let scene: DnsScene

beforeEach(async () => {
  scene = await createDnsScene()
  ;({ app } = scene)
})
afterEach(async () => await scene.close())

describe('scripts given over the API', () => {
  const script = (name: string) => join(scene.folder, name)

  it('are taken from the directory for scripts, and from below it', async () => {
    expect(
      (await scene.addIssuer({ hook: script('scripts/in.sh'), hooks: [script('scripts/deeper/in.sh')] })).status,
    ).toBe(201)
    expect(
      (await app.admin('POST', dnsPath, { ...internal, config: { zone: 'a.test', script: script('scripts/in.sh') } }))
        .status,
    ).toBe(201)
  })

  it.each([
    ['another directory', 'out.sh', /over the API only scripts inside .*scripts \(CERTCTL_SCRIPTS_DIR\)/],
    ['another directory by a link', 'scripts/link.sh', /link.sh, which is .*out.sh; over the API/],
    ['another directory by a linked directory', 'scripts/away/out.sh', /which is .*out.sh; over the API/],
    ['a directory whose name begins alike', 'scripts-too/in.sh', /over the API only/],
    ['a link elsewhere that leads there, for now', 'led.sh', /led.sh, which is .*in.sh; over the API only/],
    ['nowhere', 'scripts/none.sh', /does not exist on the server/],
  ])('are refused from %s', async (_, name, message) => {
    await symlink(script('out.sh'), script('scripts/link.sh'))
    await symlink(scene.folder, script('scripts/away'))
    await symlink(script('scripts/in.sh'), script('led.sh'))
    await mkdir(script('scripts-too'))
    await writeFile(script('scripts-too/in.sh'), '')
    const fault = { field: 'config.hook', message: expect.stringMatching(message) }
    expect((await scene.addIssuer({ hook: script(name) })).json).toMatchObject({
      code: 'config_invalid',
      errors: [fault],
    })
    expect((await scene.addIssuer({ hooks: [script('scripts/in.sh'), script(name)] })).json).toMatchObject({
      errors: [{ field: 'config.hooks.1' }],
    })
    expect(
      (await app.admin('POST', dnsPath, { ...internal, config: { zone: 'a.test', script: script(name) } })).json,
    ).toMatchObject({ errors: [{ field: 'config.script' }] })
    expect(scene.hosts.size + scene.seen.hosts.length).toBe(0)
  })

  it('are refused in changes, and in what an issuer makes of its own settings', async () => {
    await scene.addIssuer({ hook: script('scripts/in.sh') })
    expect(
      (await app.admin('PUT', '/api/v1/issuers/iss-one', { config: { hook: script('out.sh') } })).json,
    ).toMatchObject({ code: 'config_invalid' })
    const inline = { type: 'zones', config: { zone: 'a.test', script: script('out.sh') } }
    await expect((await scene.hostOf()).dns(inline)).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('are not used any more where they led elsewhere meanwhile', async () => {
    await scene.addIssuer({ hook: script('scripts/in.sh') })
    await rm(script('scripts/in.sh'))
    await symlink(script('out.sh'), script('scripts/in.sh'))
    await expect(app.services.connections.issuer('iss-one')).rejects.toMatchObject({ code: 'config_invalid' })
    expect((await app.admin('GET', '/api/v1/issuers/iss-one')).json).toMatchObject({
      available: false,
      unavailable_reason: expect.stringContaining('CERTCTL_SCRIPTS_DIR'),
    })
  })

  it('are refused altogether where no directory is set; those of the environment are trusted', async () => {
    const bare = await createTestApp({ registry: scene.registry() })
    try {
      const body = { name: 'x', type: 'Prover', config: { hook: script('scripts/in.sh') } }
      expect((await bare.admin('POST', '/api/v1/issuers', body)).json.detail).toMatch(
        /none may be given over the API until CERTCTL_SCRIPTS_DIR is set/,
      )
      const { services } = bare
      const now = services.clock.now()
      await services.store.servers.insert({
        id: services.server.id,
        hostname: 'h',
        version: '1',
        environment: {},
        started_at: now,
        heartbeat_at: now,
      })
      await syncEnvironmentInstances(services, {
        CERTCTL_PROVER_HOOK: script('out.sh'),
        CERTCTL_ZONES: 'z.test',
        CERTCTL_ZONES_SCRIPT: script('out.sh'),
      })
      expect((await bare.admin('GET', '/api/v1/issuers/iss-prover')).json).toMatchObject({ available: true })
      const { connector } = await services.connections.issuer('iss-prover')
      expect(connector).toBeDefined()
      await scene.hosts.get('iss-prover')?.dns({ type: 'zones', config: { zone: 'a.test', script: script('out.sh') } })
      await services.connections.dns('dns-zones')
    } finally {
      await bare.close()
    }
  })
})
