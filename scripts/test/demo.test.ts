import { describe, expect, it } from '@jest/globals'
import { judge } from '../demo/judge.js'

const first = 'a'.repeat(64)
const second = 'b'.repeat(64)
const good = {
  requests: 500,
  perSecond: 24.9,
  failed: 0,
  failures: [],
  fingerprints: [
    { fingerprint: first, requests: 300 },
    { fingerprint: second, requests: 200 },
  ],
}

describe('the judgement of the demonstration', () => {
  it('finds nothing where exactly the two issued certificates were met and no request failed', () => {
    expect(judge({ seen: good, issued: [first, second] })).toEqual([])
  })

  it('names a request that failed', () => {
    const faults = judge({ seen: { ...good, failed: 1, failures: ['read ECONNRESET'] }, issued: [first, second] })
    expect(faults).toEqual(['1 of 500 requests failed: read ECONNRESET'])
  })

  it('names a rate below twenty a second', () => {
    expect(judge({ seen: { ...good, perSecond: 19.9 }, issued: [first, second] })).toHaveLength(1)
  })

  it('names a third certificate, and one that was never issued', () => {
    const third = { fingerprint: 'c'.repeat(64), requests: 1 }
    const faults = judge({ seen: { ...good, fingerprints: [...good.fingerprints, third] }, issued: [first, second] })
    expect(faults).toEqual([`3 certificates were met instead of 2`, `met but never issued: ${third.fingerprint}`])
  })

  it('names a renewal that issued twice', () => {
    expect(judge({ seen: good, issued: [first, second, 'd'.repeat(64)] })).toEqual([
      '3 certificates were issued instead of 2',
    ])
  })
})
