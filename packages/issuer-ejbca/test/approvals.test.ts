import type { OrderOutcome } from '@certctl/core'
import { parseCertificate, parseCsr } from '@certctl/pki'
import { describe, expect, it } from '@jest/globals'
import type { Behaviour } from './fake-ejbca.js'
import { enrolments, look, losing, pending, request, start, valid, worldOf } from './orders.js'

describe('an enrolment that somebody must approve', () => {
  const approving = (options: Partial<Behaviour> = {}) => worldOf({ approveEnrolment: true, ...options })

  it('is pending for a person until it is approved, whichever server looks, and then issued once', async () => {
    const world = approving()
    const asked = await request()
    const first = pending(await start(world).issue(asked))
    expect(first).toMatchObject({ orderId: '17', waitingFor: 'person' })
    expect(first.detail).toContain('waits for approval of request 17: Your action')
    const second = pending(await look(world, asked, first))
    world.ejbca.decide('approved')
    const outcome = valid(await look(world, asked, second))
    expect(parseCertificate(outcome.certificatePem).names).toEqual(asked.names)
    expect(world.ejbca.certificates).toHaveLength(1)
    expect(enrolments(world)).toBe(1)
  })

  it.each([
    ['rejected', 'invalid', 'has been rejected'],
    ['expired', 'expired', 'has expired'],
    ['failed', 'invalid', 'could not be executed'],
    ['removed', 'invalid', 'knows no approval request 17'],
  ] as const)('and that is %s ends as %s, with what EJBCA says', async (decision, status, reason) => {
    const world = approving()
    const asked = await request()
    const first = await start(world).issue(asked)
    world.ejbca.decide(decision)
    expect(await look(world, asked, first)).toMatchObject({ status, reason: expect.stringContaining(reason) })
  })

  it('is finished with the enrolment code in the sealed progress, when the server’s own record is gone', async () => {
    const world = approving()
    const asked = await request()
    const first = pending(await start(world).issue(asked))
    await world.host.state.delete(`enrolment/${asked.id}`)
    world.ejbca.decide('approved')
    valid(await look(world, asked, first))
  })

  it('is finished with the server’s own record, when the progress was lost', async () => {
    const world = approving()
    const asked = await request()
    const first = pending(await start(world).issue(asked))
    world.ejbca.decide('approved')
    valid(await look(world, asked, { ...first, progress: undefined }))
    const others = approving()
    const again = await request()
    const { orderId } = pending(await start(others).issue(again))
    await others.host.state.delete(`enrolment/${again.id}`)
    others.ejbca.decide('approved')
    // Without the code nobody gets the certificate: a new approval is asked for, never another's certificate taken.
    expect(await look(others, again, { status: 'pending', orderId })).toMatchObject({
      status: 'pending',
      orderId: '18',
    })
  })

  it('whose number was lost with the answer is found again by name and code, and not filed twice', async () => {
    const world = approving()
    const asked = await request()
    await expect(start(losing(world, '/pkcs10enroll')).issue(asked)).rejects.toThrow('connection reset')
    const again = pending(await start(world).issue({ ...asked, attempt: 2 }))
    expect(again).toMatchObject({ orderId: 'test-certificate', waitingFor: 'person' })
    expect(world.ejbca.requests.size).toBe(1)
    world.ejbca.decide('approved')
    valid(await look(world, asked, again))
    expect(world.ejbca.certificates).toHaveLength(1)
    expect(world.ejbca.requests.size).toBe(1)
  })

  it('whose certificate was lost on the way is found by its key', async () => {
    const world = approving()
    const asked = await request()
    const first = pending(await start(world).issue(asked))
    world.ejbca.decide('approved')
    await expect(look(losing(world, '/finalize'), asked, first)).rejects.toThrow('connection reset')
    valid(await look(world, asked, first))
    expect(world.ejbca.certificates).toHaveLength(1)
  })

  it.each([
    ['refuses the code of the first', false],
    ['gives the first the certificate of the second', true],
  ])(
    'and that another of the same end entity overtook, where EJBCA %s, ends with a certificate for each key',
    async (_how, ignoresCodes) => {
      const world = approving({ ignoresCodes })
      const [mine, other] = [await request(), await request()]
      let first: OrderOutcome | undefined = await start(world).issue(mine)
      world.ejbca.decide('approved')
      const second = await start(world).issue(other)
      world.ejbca.decide('approved')
      first = pending(await look(world, mine, first))
      const others = valid(await look(world, other, second))
      for (let round = 1; round <= 4 && first?.status === 'pending'; round += 1) {
        world.ejbca.decide('approved')
        first = await look(world, mine, first)
      }
      const keys = [valid(first), others].map(({ certificatePem }) => parseCertificate(certificatePem).spkiSha256)
      expect(keys).toEqual([mine, other].map(({ csrPem }) => parseCsr(csrPem).publicKey.spkiSha256))
    },
  )

  it('together with another of the same end entity ends with a certificate for each key', async () => {
    const world = approving()
    const all = [await request(), await request()]
    let outcomes = await Promise.all(all.map((asked) => start(world).issue(asked)))
    for (let round = 1; round <= 8 && outcomes.some(({ status }) => status === 'pending'); round += 1) {
      // Both are decided before either is fetched: the second overwrites the first's CSR.
      world.ejbca.decide('approved')
      const looks = outcomes.map(async (outcome, index) => {
        const asked = all[index] ?? (await request())
        return outcome.status === 'pending' ? ((await look(world, asked, outcome)) ?? outcome) : outcome
      })
      outcomes = await Promise.all(looks)
    }
    const keys = outcomes.map((outcome) => parseCertificate(valid(outcome).certificatePem).spkiSha256)
    expect(new Set(keys).size).toBe(2)
  })
})

describe('a lost answer', () => {
  it('to an enrolment is found by its key among the certificates of the end entity', async () => {
    const world = worldOf()
    valid(await start(world).issue(await request()))
    const asked = await request()
    await expect(start(losing(world, '/pkcs10enroll')).issue(asked)).rejects.toThrow('connection reset')
    const outcome = valid(await start(world).issue({ ...asked, attempt: 2 }))
    expect(world.ejbca.certificates.map(({ pem }) => pem)[1]).toBe(outcome.certificatePem)
    expect(enrolments(world)).toBe(2)
  })

  it('is not enrolled again where the search is not allowed: that must be granted', async () => {
    const world = worldOf()
    const asked = await request()
    await expect(start(losing(world, '/pkcs10enroll')).issue(asked)).rejects.toThrow()
    world.ejbca.behaviour.maySearch = false
    await expect(start(world).issue({ ...asked, attempt: 2 })).rejects.toMatchObject({
      code: 'upstream_rejected',
      message: expect.stringContaining('not authorized to search'),
    })
    expect(world.ejbca.certificates).toHaveLength(1)
  })
})
