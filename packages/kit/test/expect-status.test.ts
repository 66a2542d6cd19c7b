import type { HttpResponse } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { expectStatus } from '../src/expect-status.js'
import { retryAfterSeconds } from '../src/http-client.js'

const now = new Date('2030-01-01T00:00:00Z')
const answer = (status: number, again?: number): HttpResponse => ({
  status,
  headers: {},
  body: Buffer.from('canary'),
  text: () => 'canary',
  json: () => 'canary',
  retryAfterSeconds: again,
})

describe('the status of an answer', () => {
  it('that is accepted gives the answer back', () => {
    const response = answer(201)
    expect(expectStatus(response, [200, 201], 'Vault')).toBe(response)
  })

  it.each([
    [301, 'upstream_protocol'],
    [200, 'upstream_protocol'],
    [400, 'upstream_rejected'],
    [401, 'upstream_rejected'],
    [403, 'upstream_rejected'],
    [404, 'not_found'],
    [408, 'upstream_unavailable'],
    [409, 'conflict'],
    [412, 'precondition_failed'],
    [413, 'too_large'],
    [422, 'upstream_rejected'],
    [429, 'rate_limited'],
    [500, 'upstream_unavailable'],
    [501, 'upstream_rejected'],
    [503, 'upstream_unavailable'],
  ])('%d becomes %s, and the body stays out', (status, code) => {
    const response = answer(status)
    expect(() => expectStatus(response, [204], 'Vault, signing')).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(`^Vault, signing: answered ${status}`) }),
    )
    expect(() => expectStatus(response, [204], 'Vault')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('canary') }),
    )
  })

  it('passes on when to come again', () => {
    const response = answer(503, 30)
    expect(() => expectStatus(response, [200], 'Vault')).toThrow(expect.objectContaining({ retryAfterSeconds: 30 }))
  })

  it.each([401, 403])('%d says to look at the credentials', (status) => {
    const response = answer(status)
    expect(() => expectStatus(response, [200], 'Vault')).toThrow('credentials')
  })
})

describe('Retry-After', () => {
  it.each([
    ['120', 120],
    [' 5 ', 5],
    ['Tue, 01 Jan 2030 00:01:00 GMT', 60],
    ['Mon, 31 Dec 2029 23:59:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined],
    ['9'.repeat(20), undefined],
    [undefined, undefined],
  ])('of %j is %p seconds', (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds)
  })
})
