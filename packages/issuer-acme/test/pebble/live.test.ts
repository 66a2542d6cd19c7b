import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CertctlError, type GeneralName, type IssuanceRequest, type IssuerHost } from '@certctl/core'
import { buildChain, generateKey, parseCertificate, splitCertificates } from '@certctl/pki'
import { createMemoryState, createTestCa, issuedRefOf, testIssuer } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import acme from '../../src/index.js'
import { dns, never, pending, requestFor, settle, start, type Valid, valid } from '../orders.js'
import { createPebbleHost } from './host.js'
import { type Pebble, pebblePrograms, startPebble } from './processes.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const eab = { kid: 'kid-1', hmac: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }

if (pebblePrograms === undefined && !required) it.skip('skipped: Pebble is not installed', () => undefined)
else if (pebblePrograms === undefined)
  it('Pebble is installed, since CERTCTL_TEST_REAL=required', () => expect(pebblePrograms).toBeDefined())
else runLive(pebblePrograms)

function runLive(programs: NonNullable<typeof pebblePrograms>): void {
  let pebble: Pebble
  beforeAll(async () => {
    pebble = await startPebble(programs, {
      config: {
        externalAccountBindingRequired: true,
        externalAccountMACKeys: { [eab.kid]: eab.hmac },
        caaIdentities: ['pebble.letsencrypt.org'],
        profiles: {
          default: { description: 'usual', validityPeriod: 7_776_000 },
          shortlived: { description: 'short', validityPeriod: 518_400 },
        },
      },
      environment: { PEBBLE_ALTERNATE_ROOTS: '2', PEBBLE_CHAIN_LENGTH: '2' },
    })
  })
  afterAll(() => pebble?.close())

  const config = (over: object = {}) => ({
    directory_url: pebble.directoryUrl,
    ca_bundle_path: pebble.caPath,
    dns_resolvers: [pebble.dnsAddress],
    eab_kid: eab.kid,
    eab_hmac: eab.hmac,
    ...over,
  })

  const issue = async (over: object, names: readonly GeneralName[], request: Partial<IssuanceRequest> = {}) => {
    const host = createPebbleHost(pebble)
    const outcome = valid(await settle(host, () => start(host, config(over)), await requestFor(names, request)))
    return { host, outcome, certificate: parseCertificate(outcome.certificatePem) }
  }
  const failure = async (work: Promise<unknown>) =>
    await work.then(
      () => ({ code: 'none', message: '' }),
      (error: CertctlError) => error,
    )

  describe('contract', () => {
    testIssuer({
      test: it,
      definition: { ...acme, create: (_, host) => start(host, config({ dns_provider: 'any' })) },
      config: { directory_url: 'https://acme.example.test/directory' },
      createWorld: () => ({ host: createPebbleHost(pebble), sweep: false }),
      names: [dns('www.example.test'), dns('*.example.test')],
      slug: 'acme',
    })
  })

  describe('issuing', () => {
    it('by http-01, with a certificate for exactly the names and key of the CSR', async () => {
      const { host, certificate } = await issue({}, [dns('a.example.test'), dns('b.example.test')])
      expect(certificate.names.map(({ value }) => value).sort()).toEqual(['a.example.test', 'b.example.test'])
      expect(host.told.challenges).toEqual([])
    })

    it('by tls-alpn-01', async () => {
      const { host, certificate } = await issue({ challenge_type: 'tls-alpn-01' }, [dns('alpn.example.test')])
      expect(certificate.names).toEqual([dns('alpn.example.test')])
      expect(host.told.challenges).toEqual([])
    })

    it('for an IP address', async () => {
      const address = { type: 'ip', value: '127.0.0.1' } as const
      const { certificate } = await issue({ challenge_type: 'dns-01', dns_provider: 'any' }, [address])
      expect(certificate.names).toEqual([address])
    })

    it('by dns-01 for a name and its wildcard at once: two values under one name, beside a foreign one that stays', async () => {
      await pebble.tell('/set-txt', { host: '_acme-challenge.two.test.', value: 'of somebody else' })
      const host = createPebbleHost(pebble)
      host.told.records.push({ name: '_acme-challenge.two.test', value: 'of somebody else' })
      const seen: number[] = []
      const provider = await host.dns('any')
      const present: typeof provider.present = async (record) => {
        await provider.present(record)
        seen.push(host.told.records.length)
      }
      const watched = { ...host, dns: async () => ({ ...provider, present }) }
      const request = await requestFor([dns('two.test'), dns('*.two.test')])
      const outcome = valid(
        await settle(host, () => start(watched, config({ challenge_type: 'dns-01', dns_provider: 'any' })), request),
      )
      expect(parseCertificate(outcome.certificatePem).names).toHaveLength(2)
      expect(seen).toEqual([2, 3])
      expect(host.told.records).toEqual([{ name: '_acme-challenge.two.test', value: 'of somebody else' }])
    })

    it('proves the wildcard by DNS and the rest by http-01 where http-01 is the rule', async () => {
      const { host, certificate } = await issue({ dns_provider: 'any' }, [dns('mixed.test'), dns('*.mixed.test')])
      expect(certificate.names).toHaveLength(2)
      expect(host.told.presented).toBe(1)
    })

    it('through a CNAME: the record is written where the name leads', async () => {
      await pebble.tell('/set-cname', { host: '_acme-challenge.led.test.', target: 'led-test.auth.example.' })
      const host = createPebbleHost(pebble)
      const names: string[] = []
      const provider = await host.dns('any')
      const present: typeof provider.present = async (record) => {
        names.push(record.name)
        await provider.present(record)
      }
      const watched = { ...host, dns: async () => ({ ...provider, present }) }
      const request = await requestFor([dns('led.test')])
      valid(
        await settle(host, () => start(watched, config({ challenge_type: 'dns-01', dns_provider: 'any' })), request),
      )
      expect(names).toEqual(['led-test.auth.example'])
    })

    it('takes one order for two names after a lost answer, and never two certificates', async () => {
      const host = createPebbleHost(pebble)
      const request = await requestFor([dns('lost.example.test')])
      const copy = () => start(host, config())
      const first = pending(await copy().issue(request))
      // Our record of it is gone as well: the account's list has the order.
      for (const prefix of ['order/', 'request/'])
        for await (const { key } of host.state.list(prefix)) await host.state.delete(key)
      const second = pending(await copy().issue({ ...request, attempt: 2 }))
      expect(second.orderId).toBe(first.orderId)
      valid(await settle(host, copy, { ...request, attempt: 3 }))
    })

    it('forty certificates, ten at a time, by two copies that share one state', async () => {
      const state = createMemoryState(() => new Date())
      const copies = [1, 2].map(() => {
        const host = createPebbleHost(pebble, { state })
        return { host, connector: start(host, config()) }
      })
      const serials = new Set<string>()
      for (let batch = 0; batch < 4; batch += 1) {
        const ten = Array.from({ length: 10 }, async (_, index) => {
          const request = await requestFor([dns(`many-${batch}-${index}.example.test`)])
          const { host, connector } = copies[index % 2] ?? raise()
          const { certificatePem } = valid(await settle(host, () => connector, request))
          serials.add(parseCertificate(certificatePem).serialNumber)
        })
        await Promise.all(ten)
      }
      expect(serials.size).toBe(40)
      const accounts: string[] = []
      for await (const { key } of state.list('account/')) accounts.push(key)
      expect(accounts).toHaveLength(1)
    })
  })

  describe('dns-persist-01', () => {
    const persist = { challenge_type: 'dns-persist-01', dns_provider: 'any' }

    it('writes its record once and lets it stand; the next order runs no hook', async () => {
      const host = createPebbleHost(pebble)
      const copy = () => start(host, config(persist))
      for (let order = 1; order <= 2; order += 1)
        valid(await settle(host, copy, await requestFor([dns('standing.test')])))
      expect(host.told.presented).toBe(1)
      const [record] = host.told.records
      expect(record?.name).toBe('_validation-persist.standing.test')
      expect(record?.value).toMatch(
        /^pebble\.letsencrypt\.org; accounturi=https:\/\/127\.0\.0\.1:\d+\/my-account\/\S+$/,
      )
    })

    it('says policy=wildcard for wildcards, and until when, where that is set', async () => {
      const until = new Date(Date.now() + 30 * 86_400_000).toISOString()
      const { host } = await issue({ ...persist, dns_persist_until: until }, [dns('*.wild-standing.test')])
      const seconds = Math.floor(Date.parse(until) / 1000)
      expect(host.told.records[0]?.value).toContain(`; policy=wildcard; persistUntil=${seconds}`)
    })

    it('refuses a domain that the CA does not call its own, and names those it does', async () => {
      const host = createPebbleHost(pebble)
      const copy = () => start(host, config({ ...persist, dns_persist_issuer_domain: 'letsencrypt.org' }))
      const error = await failure(settle(host, copy, await requestFor([dns('wrong-domain.test')])))
      expect(error).toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining('pebble.letsencrypt.org'),
      })
      expect(host.told.presented).toBe(0)
    })
  })

  describe('what the directory offers', () => {
    it('a profile of the request wins, and shows in the validity', async () => {
      const { certificate } = await issue({ profile: 'default' }, [dns('short.test')], { product: 'shortlived' })
      const days = (certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 86_400_000
      expect(days).toBeLessThan(7)
    })

    it('a profile it has not is refused before an order is placed, with those it has', async () => {
      const host = createPebbleHost(pebble)
      const error = await failure(
        start(host, config({ profile: 'tlsclient' })).issue(await requestFor([dns('p.test')])),
      )
      expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('default, shortlived') })
    })

    it('renewal information gives a window; the renewal replaces, and a second one does not fail for that', async () => {
      const { host, outcome, certificate } = await issue({}, [dns('renewed.test')])
      const connector = start(host, config())
      const info = await connector.renewalInfo?.(issuedRefOf(outcome), never)
      expect(info?.windowStart.getTime()).toBeGreaterThan(certificate.notBefore.getTime())
      expect(info?.windowEnd.getTime()).toBeLessThan(certificate.notAfter.getTime())
      const renew = async () => {
        const request = await requestFor([dns('renewed.test')], { previous: issuedRefOf(outcome) })
        valid(await settle(host, () => start(host, config()), request))
        const rows: { is_exempt: boolean }[] = []
        for await (const { value } of host.state.list('order/')) rows.push(value as { is_exempt: boolean })
        return rows.filter((row) => row.is_exempt).length
      }
      expect(await renew()).toBe(1)
      expect(await renew()).toBe(1)
      expect(host.logged.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/does not take the order as a replacement/),
      )
    })

    it('has no opinion on a certificate of another CA, and none when it is not asked', async () => {
      const { host, outcome } = await issue({}, [dns('opinion.test')])
      const ca = await createTestCa()
      const foreign = await ca.sign((await requestFor([dns('opinion.test')])).csrPem)
      const strange = issuedRefOf({ certificatePem: foreign, chainPem: ca.intermediatePem })
      expect(await start(host, config()).renewalInfo?.(strange, never)).toBeUndefined()
      expect(
        await start(host, config({ ari_enabled: false })).renewalInfo?.(issuedRefOf(outcome), never),
      ).toBeUndefined()
    })

    it('alternate chains: by the name of the root, and the CA’s own choice with a warning where none fits', async () => {
      const roots = await Promise.all([0, 1, 2].map(async (n) => parseCertificate(await pebble.manage(`/roots/${n}`))))
      for (const root of roots) {
        const { outcome } = await issue({ preferred_chain: root.commonName ?? '' }, [dns('chain.test')])
        const built = buildChain(outcome.certificatePem, [...splitCertificates(outcome.chainPem), root.pem])
        expect(built).toMatchObject({ complete: true, rootPem: root.pem })
      }
      const { host } = await issue({ preferred_chain: 'ab'.repeat(32) }, [dns('chain.test')])
      expect(host.logged).toContainEqual({
        level: 'warn',
        message: expect.stringContaining('no chain of the CA is the preferred'),
      })
    })
  })

  describe('the account', () => {
    it('takes the MAC key in every form, and says which one it cannot take', async () => {
      const bytes = Buffer.from(eab.hmac, 'base64url')
      const forms = [
        bytes.toString('base64'),
        `${bytes.toString('base64url')}==`,
        ` ${eab.hmac}\n`,
        Buffer.from(eab.hmac).toString('base64'),
      ]
      for (const eab_hmac of forms) {
        const host = createPebbleHost(pebble)
        pending(await start(host, config({ eab_hmac })).issue(await requestFor([dns('eab.test')])))
      }
      const wrong = start(createPebbleHost(pebble), config({ eab_hmac: bytes.reverse().toString('base64url') }))
      expect(await failure(wrong.issue(await requestFor([dns('eab.test')])))).toMatchObject({
        code: 'upstream_rejected',
      })
      const none = { eab_kid: undefined, eab_hmac: undefined }
      const without = start(createPebbleHost(pebble), config(none))
      expect(await failure(without.issue(await requestFor([dns('eab.test')])))).toMatchObject({
        code: 'config_invalid',
      })
      expect(await failure(without.test?.(never) ?? raise())).toMatchObject({ code: 'config_invalid' })
    })

    it('has a new key after so many days, in the middle of an order, and former orders go on', async () => {
      const host = createPebbleHost(pebble)
      const copy = () => start(host, config({ account_key_rollover_days: 1 }))
      const request = await requestFor([dns('rolled.test')])
      const { orderId, progress } = pending(await copy().issue(request))
      const before = await keyOf(host)
      await copy().maintain?.(never)
      expect(await keyOf(host)).toBe(before)
      await host.delay(100_000, AbortSignal.abort()).catch(() => undefined)
      const later = { ...host, now: () => new Date(Date.now() + 2 * 86_400_000) }
      await start(later, config({ account_key_rollover_days: 1 })).maintain?.(never)
      expect(await keyOf(host)).not.toBe(before)
      let outcome = await copy().poll?.({ orderId, progress, request, signal: never })
      for (let look = 1; outcome?.status === 'pending' && look < 20; look += 1)
        outcome = await copy().poll?.({ orderId, progress: outcome.progress, request, signal: never })
      expect(outcome?.status).toBe('valid')
    })

    it('whose key change got lost on the way is found under whichever key the CA knows', async () => {
      for (const isHeard of [true, false]) {
        const host = createPebbleHost(pebble)
        pending(await start(host, config()).issue(await requestFor([dns('torn.test')])))
        const later = { ...host, now: () => new Date(Date.now() + 2 * 86_400_000) }
        const torn = losing(later, isHeard)
        await failure(start(torn, config({ account_key_rollover_days: 1 })).maintain?.(never) ?? raise())
        valid(await settle(host, () => start(host, config()), await requestFor([dns('torn.test')])))
        await start(later, config({ account_key_rollover_days: 1 })).maintain?.(never)
        valid(await settle(host, () => start(host, config()), await requestFor([dns('torn.test')])))
      }
    })

    it('is brought along as a file, and is the same account', async () => {
      const { privateKeyPem } = await generateKey('RSA-2048')
      const path = join(pebble.directory, 'account.key')
      await writeFile(path, privateKeyPem, { mode: 0o600 })
      const urls = new Set<string | undefined>()
      for (let copy = 1; copy <= 2; copy += 1)
        urls.add((await issue({ account_key_path: path }, [dns('imported.test')])).outcome.vendorRef)
      expect(urls.size).toBe(1)
      await writeFile(path, (await generateKey('Ed25519')).privateKeyPem)
      const error = await failure(issue({ account_key_path: path }, [dns('imported.test')]))
      expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(path) })
    })

    it('is tested without being made, and says what it found', async () => {
      const host = createPebbleHost(pebble)
      const told = await start(
        host,
        config({ profile: 'shortlived', challenge_type: 'dns-01', dns_provider: 'any' }),
      ).test?.(never)
      expect(told?.detail).toMatch(/profiles default, shortlived; the account is made with the first order/)
      pending(await start(host, config()).issue(await requestFor([dns('tested.test')])))
      expect((await start(host, config()).test?.(never))?.detail).toMatch(/my-account\/\S+ is valid/)
    })
  })

  describe('revocation', () => {
    const revocation = (outcome: Valid) =>
      ({
        id: '00000000-0000-4000-8000-000000000001',
        attempt: 1,
        firstAskedAt: new Date(),
        certificate: issuedRefOf(outcome),
        reason: 'keyCompromise',
        reasonText: 'lost',
        signal: never,
      }) as const
    const statusOf = async ({ serialNumber }: { serialNumber: string }) =>
      JSON.parse(await pebble.manage(`/cert-status-by-serial/${serialNumber}`)) as { Status: string; Reason?: number }

    it('by the account that ordered, also when another is configured now', async () => {
      const { host, outcome, certificate } = await issue({}, [dns('revoked.test')])
      const path = join(pebble.directory, 'other.key')
      await writeFile(path, (await generateKey('EC-P256')).privateKeyPem)
      const other = start(host, config({ account_key_path: path }))
      expect(await other.revoke?.(revocation(outcome))).toEqual({ status: 'confirmed' })
      expect(await statusOf(certificate)).toMatchObject({ Status: 'Revoked', Reason: 1 })
      expect(await other.revoke?.(revocation(outcome))).toEqual({ status: 'confirmed' })
    })

    it('by an account that has nothing to do with it is refused', async () => {
      const { outcome, certificate } = await issue({}, [dns('strange.test')])
      const { host } = await issue({}, [dns('nothing-to-do.test')])
      expect(await failure(start(host, config()).revoke?.(revocation(outcome)) ?? raise())).toMatchObject({
        code: 'upstream_rejected',
      })
      expect(await statusOf(certificate)).toMatchObject({ Status: 'Valid' })
    })
  })

  describe('a name that cannot be proven', () => {
    it('ends the order with the CA’s reason and a hint, and what was published is gone', async () => {
      const host = createPebbleHost(pebble)
      const mute = { ...host, challenges: { ...host.challenges, publish: async () => 'published' as const } }
      const outcome = await settle(
        host,
        () => start(mute, config()),
        await requestFor([dns('unproven.test'), dns('also.test')]),
      )
      expect(outcome).toMatchObject({
        status: 'invalid',
        reason: expect.stringMatching(/unproven\.test: http-01 \w+: /),
      })
      valid(await settle(host, () => start(host, config()), await requestFor([dns('unproven.test'), dns('also.test')])))
    })

    it('is not shown to the CA while its record is not visible, and is given up with a report of who answered what', async () => {
      const host = createPebbleHost(pebble)
      const nowhere = { ...host, dns: async () => ({ present: async () => {}, cleanUp: async () => {} }) }
      const copy = () =>
        start(
          nowhere,
          config({
            challenge_type: 'dns-01',
            dns_provider: 'any',
            dns_propagation_wait: 1,
            dns_propagation_timeout: 20,
          }),
        )
      const outcome = await settle(host, copy, await requestFor([dns('invisible.test')]))
      expect(outcome).toMatchObject({
        status: 'invalid',
        reason: expect.stringMatching(
          /_acme-challenge\.invisible\.test \S{43}: .*resolver 127\.0\.0\.1:\d+: does not have it/,
        ),
      })
    })
  })
}

function raise(): never {
  throw new Error('it is not there')
}

async function keyOf(host: IssuerHost): Promise<string> {
  for await (const { value } of host.state.list('account/'))
    return (value as { private_key_pem: string }).private_key_pem
  return raise()
}

/** A host whose key change is lost: before the CA hears of it, or its answer. */
function losing(host: IssuerHost, isHeard: boolean): IssuerHost {
  return {
    ...host,
    http: (options) => {
      const client = host.http(options)
      return {
        async request(request) {
          const isChange = String(request.path).includes('rollover')
          if (isChange && !isHeard) throw new CertctlError('upstream_unavailable', 'lost on the way')
          let answer = await client.request(request)
          if (!isChange) return answer
          // Pebble refuses nonces at random; only the change itself is to be lost.
          if (answer.text().includes('badNonce')) return answer
          answer = { ...answer, status: 500 }
          throw new CertctlError('upstream_unavailable', 'its answer was lost')
        },
      }
    },
  }
}
