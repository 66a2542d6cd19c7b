import { parseCertificate } from '@certctl/pki'
import { createMemoryState } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { dns, pending, requestFor, settle, start, valid } from '../orders.js'
import { createPebbleHost } from './host.js'
import { failure, type LivePebble, raise, withPebble } from './with-pebble.js'

withPebble(runLive)

function runLive({ pebble, config, issue }: LivePebble): void {
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
      await pebble().tell('/set-txt', { host: '_acme-challenge.two.test.', value: 'of somebody else' })
      const host = createPebbleHost(pebble())
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
      await pebble().tell('/set-cname', { host: '_acme-challenge.led.test.', target: 'led-test.auth.example.' })
      const host = createPebbleHost(pebble())
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
      const host = createPebbleHost(pebble())
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
        const host = createPebbleHost(pebble(), { state })
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
      const host = createPebbleHost(pebble())
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
      const host = createPebbleHost(pebble())
      const copy = () => start(host, config({ ...persist, dns_persist_issuer_domain: 'letsencrypt.org' }))
      const error = await failure(settle(host, copy, await requestFor([dns('wrong-domain.test')])))
      expect(error).toMatchObject({
        code: 'config_invalid',
        message: expect.stringContaining('pebble.letsencrypt.org'),
      })
      expect(host.told.presented).toBe(0)
    })
  })

  describe('a name that cannot be proven', () => {
    it('ends the order with the CA’s reason and a hint, and what was published is gone', async () => {
      const host = createPebbleHost(pebble())
      const mute = { ...host, challenges: { ...host.challenges, publish: async () => 'published' as const } }
      const outcome = await settle(
        host,
        () => start(mute, config()),
        await requestFor([dns('unproven.test'), dns('also.test')]),
      )
      expect(outcome).toMatchObject({
        status: 'invalid',
        // Whichever the CA looked at first.
        reason: expect.stringMatching(/(?:unproven|also)\.test: http-01 \w+: /),
      })
      valid(await settle(host, () => start(host, config()), await requestFor([dns('unproven.test'), dns('also.test')])))
    })

    it('is not shown to the CA while its record is not visible, and is given up with a report of who answered what', async () => {
      const host = createPebbleHost(pebble())
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
