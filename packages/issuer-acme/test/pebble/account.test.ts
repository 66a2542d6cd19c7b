import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CertctlError, type IssuerHost } from '@certctl/core'
import { buildChain, generateKey, parseCertificate, splitCertificates } from '@certctl/pki'
import { createTestCa, issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { dns, never, pending, requestFor, settle, start, valid } from '../orders.js'
import { createPebbleHost } from './host.js'
import { eab, failure, type LivePebble, raise, withPebble } from './with-pebble.js'

withPebble(runLive)

function runLive({ pebble, config, issue }: LivePebble): void {
  describe('what the directory offers', () => {
    it('a profile of the request wins, and shows in the validity', async () => {
      const { certificate } = await issue({ profile: 'default' }, [dns('short.test')], { product: 'shortlived' })
      const days = (certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 86_400_000
      expect(days).toBeLessThan(7)
    })

    it('a profile it has not is refused before an order is placed, with those it has', async () => {
      const host = createPebbleHost(pebble())
      const error = await failure(
        start(host, config({ profile: 'tlsclient' })).issue(await requestFor([dns('p.test')])),
      )
      expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringContaining('default, shortlived') })
    })

    it('renewal information gives a window; the renewal replaces, and a second one does not fail for that', async () => {
      const { host, outcome, certificate } = await issueFindable()
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

    /** Pebble 2.10.1 takes the serial number of a certificate ID with the zero octet that DER puts before a high bit, and finds none of those. */
    async function issueFindable() {
      for (;;) {
        const issued = await issue({}, [dns('renewed.test')])
        const { serialNumber } = issued.certificate
        if (serialNumber.length % 2 === 1 || Number.parseInt(serialNumber.slice(0, 2), 16) < 0x80) return issued
      }
    }

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
      const roots = await Promise.all(
        [0, 1, 2].map(async (n) => parseCertificate(await pebble().manage(`/roots/${n}`))),
      )
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
        const host = createPebbleHost(pebble())
        pending(await start(host, config({ eab_hmac })).issue(await requestFor([dns('eab.test')])))
      }
      const wrong = start(createPebbleHost(pebble()), config({ eab_hmac: bytes.reverse().toString('base64url') }))
      expect(await failure(wrong.issue(await requestFor([dns('eab.test')])))).toMatchObject({
        code: 'upstream_rejected',
      })
      const none = { eab_kid: undefined, eab_hmac: undefined }
      const without = start(createPebbleHost(pebble()), config(none))
      expect(await failure(without.issue(await requestFor([dns('eab.test')])))).toMatchObject({
        code: 'config_invalid',
      })
      expect(await failure(without.test?.(never) ?? raise())).toMatchObject({ code: 'config_invalid' })
    })

    it('has a new key after so many days, in the middle of an order, and former orders go on', async () => {
      const host = createPebbleHost(pebble())
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
        const host = createPebbleHost(pebble())
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
      const path = join(pebble().directory, 'account.key')
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
      const host = createPebbleHost(pebble())
      const told = await start(
        host,
        config({ profile: 'shortlived', challenge_type: 'dns-01', dns_provider: 'any' }),
      ).test?.(never)
      expect(told?.detail).toMatch(/profiles default, shortlived; the account is made with the first order/)
      pending(await start(host, config()).issue(await requestFor([dns('tested.test')])))
      expect((await start(host, config()).test?.(never))?.detail).toMatch(/my-account\/\S+ is valid/)
    })
  })
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
