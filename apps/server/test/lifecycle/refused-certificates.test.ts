import { createCsr, generateKey, parseCertificate } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { renewCertificate } from '../../src/lifecycle/asking/renew-certificate.js'
import { recordRefused } from '../../src/lifecycle/order/record-refused.js'
import { createScene, only, operator, type Scene, withScene } from './scene.js'

let scene: Scene
beforeAll(async () => {
  scene = await createScene()
})
afterAll(async () => await scene.close())

async function csrOf(name: string): Promise<string> {
  const { privateKeyPem } = await generateKey('EC-P256')
  return await createCsr({ privateKeyPem, commonName: name, names: [{ type: 'dns', value: name }] })
}

/** Asks for a certificate, for which the CA signs something else. */
async function answeredWith(name: string, other: Partial<{ csrPem: string; name: string }>): Promise<string> {
  const answer = scene.ca.answer
  scene.ca.answer = async (request) => {
    const names = other.name === undefined ? request.names : [{ type: 'dns' as const, value: other.name }]
    return await scene.ca.sign({ ...request, csrPem: other.csrPem ?? request.csrPem, names })
  }
  const { id } = await scene.request({ csrPem: await csrOf(name) })
  await scene.work()
  scene.ca.answer = answer
  return id
}

async function versionsOf(id: string) {
  return (await scene.services.store.versions.page(id, { limit: 10, count: false })).rows
}

describe('a certificate that is not what was approved', () => {
  it('is kept as lost, revoked as superseded, and never used', async () => {
    const id = await answeredWith('a.example.test', { name: 'evil.example.test' })
    const signed = parseCertificate(scene.ca.signed.at(-1) ?? '')
    const rows = await versionsOf(id)
    expect(rows).toMatchObject([{ standing: 'lost', fingerprint: signed.fingerprint, revocation_reason: 'superseded' }])
    const revocation = await scene.services.store.revocations.findOfVersion(rows[0]?.id ?? '')
    expect(revocation).toMatchObject({ state: 'here', reason: 'superseded' })
    expect(revocation?.reason_text).toContain('evil.example.test')
    expect(await scene.services.store.versions.listCurrent(id)).toEqual([])
  })

  it('is kept and revoked although the clock of its CA is a minute ahead', async () => {
    await withScene({}, async ({ ca, request, services, work }) => {
      const names = [{ type: 'dns' as const, value: 'evil.example.test' }]
      ca.answer = async (asked) => await ca.sign({ ...asked, names })
      // The CA dates what it signs an hour back.
      services.clock.advance(-3660)
      const { id } = await request({ csrPem: await csrOf('ahead.example.test') })
      await work()
      const { rows } = await services.store.versions.page(id, { limit: 10, count: false })
      expect(rows).toMatchObject([{ standing: 'lost', revocation_reason: 'superseded' }])
      expect(rows[0]?.received_at.getTime()).toBeLessThan(rows[0]?.not_before.getTime() ?? 0)
    })
  })

  it('is kept but not revoked where it has another key, since it may be somebody else’s', async () => {
    const id = await answeredWith('b.example.test', { csrPem: await csrOf('b.example.test') })
    const rows = await versionsOf(id)
    expect(rows).toMatchObject([{ standing: 'lost', revoked_at: null }])
    expect(await scene.services.store.revocations.findOfVersion(rows[0]?.id ?? '')).toBeUndefined()
  })

  it('that is returned again is kept once', async () => {
    const answer = scene.ca.answer
    const { id } = await scene.request({ csrPem: await csrOf('c.example.test') })
    const request = { names: [{ type: 'dns' as const, value: 'wrong.example.test' }] }
    let kept: Awaited<ReturnType<typeof answer>> | undefined
    scene.ca.answer = async (asked) => {
      kept ??= await scene.ca.sign({ ...asked, ...request })
      return kept
    }
    await scene.work()
    scene.services.clock.advance(2 * 86_400)
    await scene.work()
    scene.ca.answer = answer
    expect(await versionsOf(id)).toHaveLength(1)
  })

  it('ends its order, and another is placed, where a turn that had lost its lease refused it and the next one would not', async () => {
    const agent = await scene.agent('agent-stalled')
    await scene.target('target-stalled', agent.id)
    const { id } = await scene.request({ commonName: 'f.example.test', targetIds: ['target-stalled'] })
    const asked = only(await agent.claim())
    const orderId = await agent.submit(asked, await agent.csr(asked))
    const answer = scene.ca.answer
    scene.ca.answer = async (request) => {
      const outcome = await answer(request)
      if (outcome.status === 'valid')
        await recordRefused(scene.services, { orderId: request.id, answer: outcome, fault: 'by its own clock' })
      return outcome
    }
    await scene.work()
    scene.ca.answer = answer
    expect(await scene.services.store.orders.get(orderId)).toMatchObject({ state: 'invalid' })
    expect(await versionsOf(id)).toMatchObject([{ standing: 'lost' }])
    const [holder] = await scene.services.store.holders.listOfCertificate(id)
    expect(holder).toMatchObject({ failures: 1, last_error_code: 'issued_mismatch' })
    scene.services.clock.advance(86_400)
    await scene.work()
    const again = only(await agent.claim())
    expect(again.id).not.toBe(asked.id)
    await agent.submit(again, await agent.csr(again))
    await scene.work()
    expect((await versionsOf(id)).map(({ standing }) => standing).toSorted()).toEqual(['current', 'lost'])
  })

  it('of another order is never revoked: it is in use there', async () => {
    const { id: first } = await scene.request({ csrPem: await csrOf('d.example.test') })
    await scene.work()
    const [used] = await scene.services.store.versions.listCurrent(first)
    const answer = scene.ca.answer
    const certificatePem = scene.ca.signed.at(-1) ?? ''
    scene.ca.answer = async () => ({
      status: 'valid',
      certificatePem,
      chainPem: scene.ca.ca.intermediatePem,
    })
    const { id: second } = await scene.request({ csrPem: await csrOf('e.example.test') })
    await scene.work()
    expect(await versionsOf(second)).toEqual([])
    // Nor does a renewal of the same key end with it, whatever became of it.
    await renewCertificate(scene.services, { certificateId: first, actor: operator, force: false })
    for (const standing of ['current', 'lost'] as const) {
      await scene.services.store.versions.update(used?.id ?? '', { standing })
      scene.services.clock.advance(86_400)
      await scene.work()
      const [holder] = await scene.services.store.holders.listOfCertificate(first)
      const last_error = expect.stringContaining('issued for an earlier order')
      expect(holder).toMatchObject({ last_error_code: 'issued_mismatch', last_error })
    }
    scene.ca.answer = answer
    expect((await scene.services.store.versions.get(used?.id ?? ''))?.revoked_at).toBeNull()
  })
})
