import { CertctlError, type ErrorCode, errorCodes } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { decodeJoinToken, encodeJoinToken } from '../../src/access/join-token.js'
import { createClientAddress } from '../../src/http/client-address.js'
import { etagOf, matchCheck, namesTag } from '../../src/http/etag.js'
import { createHotLane } from '../../src/http/hot.js'
import { problemOf } from '../../src/http/problem.js'

describe('a problem document', () => {
  it('of each code has its status and the three members that older clients read', () => {
    for (const [code, { http, title }] of Object.entries(errorCodes)) {
      const reply = problemOf(new CertctlError(code as ErrorCode, 'a sentence'), 'r1')
      expect(reply.status).toBe(http)
      const body = JSON.parse(String(reply.body))
      expect(body).toMatchObject({ status: http, title, code, request_id: 'r1', type: `urn:certctl:problem:${code}` })
      expect(body.message).toBe(body.detail)
      expect(typeof body.error).toBe('string')
    }
  })

  it('never shows what nobody foresaw', () => {
    for (const error of [new Error('canary'), 'canary', undefined, new CertctlError('internal', 'canary')])
      expect(JSON.stringify(problemOf(error, 'r1'))).not.toContain('canary')
  })

  it('says when to ask again', () => {
    const error = new CertctlError('upstream_unavailable', 'x', { retryAfterSeconds: 2.2 })
    expect(problemOf(error, 'r1').headers['retry-after']).toBe('3')
    expect(problemOf(new CertctlError('rate_limited', 'x'), 'r1').headers['retry-after']).toBe('1')
    expect(problemOf(new CertctlError('not_found', 'x'), 'r1').headers['retry-after']).toBeUndefined()
  })
})

describe('the address of a client', () => {
  const behind = createClientAddress(['10.0.0.0/8', '::1'])

  it("is the peer's where no proxy is trusted, whatever a header says", () => {
    expect(createClientAddress([])('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1')
    expect(behind('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1')
  })

  it('is the nearest that no trusted proxy vouches for', () => {
    expect(behind('10.1.1.1', '198.51.100.1, 203.0.113.9, 10.2.2.2')).toBe('203.0.113.9')
    expect(behind('::ffff:10.1.1.1', '203.0.113.9')).toBe('203.0.113.9')
    expect(behind('::1', 'nonsense, 2001:db8::1')).toBe('2001:db8::1')
  })

  it('is the farthest proxy where all are trusted', () => {
    expect(behind('10.1.1.1', '10.3.3.3')).toBe('10.3.3.3')
    expect(behind('10.1.1.1', undefined)).toBe('10.1.1.1')
  })
})

describe('tags', () => {
  it('are equal for equal text only', () => {
    expect(etagOf('a')).toBe(etagOf('a'))
    expect(etagOf('a')).not.toBe(etagOf('b'))
  })

  it('are found in lists, weak or strong, and under a star', () => {
    const tag = etagOf('a')
    expect(namesTag(`"x", W/${tag}`, tag)).toBe(true)
    expect(namesTag('*', tag)).toBe(true)
    expect(namesTag('"x"', tag)).toBe(false)
  })

  it('are asked for only where the request brings one', () => {
    const view = { id: 'a' }
    expect(() => matchCheck({ headers: {} })(view)).not.toThrow()
    expect(() => matchCheck({ headers: { 'if-match': etagOf(JSON.stringify(view)) } })(view)).not.toThrow()
    expect(() => matchCheck({ headers: { 'if-match': '"old"' } })(view)).toThrow(
      expect.objectContaining({ code: 'precondition_failed' }),
    )
  })
})

describe('a join token', () => {
  it('is one word that says where to go, whom to trust and a secret', () => {
    const content = { serverUrl: 'https://c.test', caSpkiSha256: 'ab'.repeat(32), secret: 'x'.repeat(43) }
    expect(encodeJoinToken(content)).toMatch(/^ccj_[\w-]+$/)
    expect(decodeJoinToken(encodeJoinToken(content))).toEqual(content)
    const unpinned = { serverUrl: 'https://c.test', secret: 'x'.repeat(43) }
    expect(decodeJoinToken(encodeJoinToken(unpinned))).toMatchObject(unpinned)
  })

  it('of another form is refused without being repeated', () => {
    for (const token of ['', 'ccj_', 'cck_canary', 'ccj_!!!', `ccj_${Buffer.from('[1]').toString('base64url')}`])
      expect(() => decodeJoinToken(token)).toThrow(expect.objectContaining({ code: 'unauthenticated' }))
    expect(() => decodeJoinToken('cck_canary')).not.toThrow(/canary/)
  })
})

describe('the hot lane', () => {
  const route = (operationId: string, method: string, path: string) =>
    ({ operation: { operationId }, method, path, handle: async () => ({ status: 200, headers: {} }) }) as never
  const lane = createHotLane([
    route('getHealth', 'GET', '/health'),
    route('agentHeartbeat', 'POST', '/api/v1/agents/:id/heartbeat'),
    route('getAgentWork', 'GET', '/api/v1/agents/:id/work'),
    route('getIssuer', 'GET', '/api/v1/issuers/:id'),
  ])
  const find = (method: string, url: string) => lane({ method, url } as never)

  it('takes what is asked often, with its parameters and whatever its query', () => {
    expect(find('GET', '/health?x=1')?.route.operation.operationId).toBe('getHealth')
    expect(find('GET', '/api/v1/agents/a-1/work?wait=5')).toMatchObject({ params: { id: 'a-1' } })
    expect(find('POST', '/api/v1/agents/a-1/heartbeat')?.route.operation.operationId).toBe('agentHeartbeat')
  })

  it('leaves everything else, and what is not plainly written, to Express', () => {
    for (const [method, url] of [
      ['GET', '/api/v1/issuers/x'],
      ['GET', '/api/v1/agents/a-1/heartbeat'],
      ['POST', '/health'],
      ['GET', '/api/v1/agents/a%2F1/work'],
      ['GET', '/api/v1/agents/a/b/work'],
      ['GET', '/api/v1/agents//work'],
    ] as const)
      expect(find(method, url)).toBeUndefined()
  })
})
