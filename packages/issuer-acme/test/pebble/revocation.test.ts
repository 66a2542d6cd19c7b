import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKey } from '@certctl/pki'
import { issuedRefOf } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import { dns, never, start, type Valid } from '../orders.js'
import { failure, type LivePebble, raise, withPebble } from './with-pebble.js'

withPebble(byTheAccountThatOrdered)
withPebble(byProof, { revokesByProof: true })

const revocationOf = (outcome: Valid) =>
  ({
    id: '00000000-0000-4000-8000-000000000001',
    attempt: 1,
    firstAskedAt: new Date(),
    certificate: issuedRefOf(outcome),
    reason: 'keyCompromise',
    reasonText: 'lost',
    signal: never,
  }) as const

type Status = { Status: string; Reason?: number }
const statusOf = async ({ pebble }: LivePebble, { serialNumber }: { serialNumber: string }): Promise<Status> =>
  JSON.parse(await pebble().manage(`/cert-status-by-serial/${serialNumber}`))

function byTheAccountThatOrdered(live: LivePebble): void {
  const { pebble, config, issue } = live
  describe('Pebble as it comes revokes', () => {
    it('for the account that ordered, also when another is configured now', async () => {
      const { host, outcome, certificate } = await issue({}, [dns('revoked.test')])
      const path = join(pebble().directory, 'other.key')
      await writeFile(path, (await generateKey('EC-P256')).privateKeyPem)
      const other = start(host, config({ account_key_path: path }))
      expect(await other.revoke?.(revocationOf(outcome))).toEqual({ status: 'confirmed' })
      expect(await statusOf(live, certificate)).toMatchObject({ Status: 'Revoked', Reason: 1 })
      expect(await other.revoke?.(revocationOf(outcome))).toEqual({ status: 'confirmed' })
    })

    it('for no other, even one that has proven the name', async () => {
      const { outcome, certificate } = await issue({}, [dns('strange.test')])
      const { host } = await issue({}, [dns('strange.test')])
      expect(await failure(start(host, config()).revoke?.(revocationOf(outcome)) ?? raise())).toMatchObject({
        code: 'upstream_rejected',
      })
      expect(await statusOf(live, certificate)).toMatchObject({ Status: 'Valid' })
    })
  })
}

function byProof(live: LivePebble): void {
  const { config, issue } = live
  describe('Pebble that follows RFC 8555 §7.6 revokes', () => {
    it('for an account that has proven every name, where the one that ordered is lost', async () => {
      const names = [dns('lost-account.test'), dns('www.lost-account.test')]
      const { outcome, certificate } = await issue({}, names)
      const { host } = await issue({}, names)
      expect(await start(host, config()).revoke?.(revocationOf(outcome))).toEqual({ status: 'confirmed' })
      expect(await statusOf(live, certificate)).toMatchObject({ Status: 'Revoked', Reason: 1 })
    })

    it('for whichever account of this directory is known here and has proven them, when the configured one has not', async () => {
      const { outcome, certificate } = await issue({}, [dns('third.test')])
      const { host } = await issue({}, [dns('third.test')])
      const path = join(live.pebble().directory, 'third.key')
      await writeFile(path, (await generateKey('EC-P256')).privateKeyPem)
      const unproven = start(host, config({ account_key_path: path }))
      expect(await unproven.revoke?.(revocationOf(outcome))).toEqual({ status: 'confirmed' })
      expect(await statusOf(live, certificate)).toMatchObject({ Status: 'Revoked' })
    })

    it('for none that has proven only some of them, or has nothing to do with it', async () => {
      const { outcome, certificate } = await issue({}, [dns('half.test'), dns('other-half.test')])
      for (const proven of ['half.test', 'nothing-to-do.test']) {
        const { host } = await issue({}, [dns(proven)])
        expect(await failure(start(host, config()).revoke?.(revocationOf(outcome)) ?? raise())).toMatchObject({
          code: 'upstream_rejected',
        })
      }
      expect(await statusOf(live, certificate)).toMatchObject({ Status: 'Valid' })
    })
  })
}
