import { describe, expect, it } from '@jest/globals'
import { beatsWindow } from '../../src/lifecycle/placement/window-of.js'

const opensAt = new Date('2026-11-28T02:00:00Z')
const ending = (
  minutes: number,
  more: { revoked_at?: Date; revocation_reason?: 'keyCompromise' | 'superseded' } = {},
) => ({
  not_after: new Date(opensAt.getTime() + minutes * 60_000),
  revoked_at: null,
  revocation_reason: null,
  ...more,
})

describe('a certificate that is served', () => {
  it('beats the window where it ends before the window opens, or within a quarter of an hour of that', () => {
    for (const minutes of [-1440, 0, 1, 10, 15]) expect(beatsWindow(ending(minutes), opensAt)).toBe(true)
  })

  it('waits for the window where it lives longer', () => {
    for (const minutes of [15.01, 60, 1440]) expect(beatsWindow(ending(minutes), opensAt)).toBe(false)
  })

  it('beats the window where its key is known to others, and for no other revocation', () => {
    const revoked_at = new Date('2026-11-27T00:00:00Z')
    expect(beatsWindow(ending(1440, { revoked_at, revocation_reason: 'keyCompromise' }), opensAt)).toBe(true)
    expect(beatsWindow(ending(1440, { revoked_at, revocation_reason: 'superseded' }), opensAt)).toBe(false)
  })

  it('is none where nothing is served: a first deployment waits', () => {
    expect(beatsWindow(undefined, opensAt)).toBe(false)
  })
})
