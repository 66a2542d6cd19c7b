import { describe, expect, it } from '@jest/globals'
import { judgePlacement, type Sight } from '../../src/lifecycle/verification/judge-placement.js'

const ours = 'a'.repeat(64)
const sibling = 'b'.repeat(64)
const stranger = 'c'.repeat(64)
const now = new Date('2026-11-25T12:00:00Z')
const look = (fingerprint: string | undefined, endpoint = 'www.example:443') => ({
  endpoint,
  chain_ok: true,
  at: now.toISOString(),
  ...(fingerprint === undefined ? { detail: 'connection refused' } : { fingerprint }),
})
const judge = (sight: Partial<Sight>) =>
  judgePlacement({
    served: [],
    desiredFingerprint: ours,
    siblings: new Set([sibling]),
    graceUntil: new Date(0),
    now,
    ...sight,
  })

describe('a placement', () => {
  it('is served where every endpoint shows what is desired', () => {
    expect(judge({ served: [look(ours), look(ours, 'b:443')] })).toEqual({ state: 'served' })
  })

  it('is never called served where there is no endpoint to shake hands with', () => {
    const held = { matches: true, location: '/etc/a.pem', found_fingerprint: ours }
    expect(judge({ held })).toEqual({ state: 'unverifiable' })
  })

  it('has drifted where one endpoint of several shows something else, which is named', () => {
    const verdict = judge({ served: [look(ours), look(stranger, 'old.example:443')] })
    expect(verdict).toMatchObject({ state: 'drifted', cause: { message: expect.stringContaining('old.example:443') } })
  })

  it('has drifted where the target holds something else, whatever is still served', () => {
    const held = { matches: false, location: '/etc/a.pem', found_fingerprint: stranger }
    expect(judge({ held, served: [look(ours)] })).toMatchObject({ state: 'drifted' })
  })

  it('has drifted where what it held is gone', () => {
    expect(judge({ held: { matches: false, location: '/etc/a.pem' } })).toMatchObject({
      state: 'drifted',
      cause: { message: expect.stringContaining('no certificate') },
    })
  })

  it('may lag within the grace of its target, and not after it', () => {
    const served = [look(stranger)]
    expect(judge({ served, graceUntil: new Date(now.getTime() + 1) })).toEqual({ state: 'deployed' })
    expect(judge({ served, graceUntil: now })).toMatchObject({ state: 'drifted' })
  })

  it('is not judged by a sibling that answered: neutral beside others, unverifiable alone', () => {
    expect(judge({ served: [look(sibling), look(ours)] })).toEqual({ state: 'served' })
    expect(judge({ served: [look(sibling)] })).toEqual({ state: 'unverifiable' })
  })

  it('is deployed and not served while an endpoint does not answer, and says which', () => {
    expect(judge({ served: [look(ours), look(undefined, 'down.example:443')] })).toMatchObject({
      state: 'deployed',
      cause: { code: 'upstream_unavailable', message: expect.stringContaining('down.example:443') },
    })
  })
})
