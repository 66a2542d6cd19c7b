import type { ErrorCode } from '@certctl/core'
import type { WorldFailure } from './issuer-world.js'
import type { HttpAnswer } from './test-http.js'

/** A way in which the other side answers something else than it should, and the codes that are right for it. */
export interface HttpFault {
  title: string
  answer: HttpAnswer | 'unreachable'
  codes: readonly ErrorCode[]
  /** What the error must carry on, where the answer says when to come back. */
  retryAfterSeconds?: number | undefined
  world: WorldFailure
}

const retryAfterSeconds = 77
const page = '<html><body><h1>Something went wrong</h1></body></html>'

export const httpFaults: readonly HttpFault[] = [
  {
    title: '401',
    answer: { status: 401, json: { detail: 'who are you' } },
    codes: ['upstream_rejected', 'unauthenticated', 'forbidden'],
    world: 'unauthenticated',
  },
  {
    title: '429 with Retry-After',
    answer: { status: 429, headers: { 'retry-after': String(retryAfterSeconds) }, body: 'slow down' },
    codes: ['rate_limited'],
    retryAfterSeconds,
    world: 'rate limited',
  },
  { title: '500', answer: { status: 500, body: '' }, codes: ['upstream_unavailable'], world: 'unavailable' },
  {
    title: '502 with a page in HTML',
    answer: { status: 502, headers: { 'content-type': 'text/html' }, body: page },
    codes: ['upstream_unavailable'],
    world: 'unavailable',
  },
  { title: '503', answer: { status: 503, body: '' }, codes: ['upstream_unavailable'], world: 'unavailable' },
  { title: 'no connection', answer: 'unreachable', codes: ['upstream_unavailable'], world: 'unavailable' },
]

/** Answers that look like success and mean nothing. */
export const garbageFaults: readonly HttpFault[] = [
  {
    title: '200 with a page in HTML',
    answer: { status: 200, headers: { 'content-type': 'text/html' }, body: page },
    codes: ['upstream_protocol'],
    world: 'garbage',
  },
  {
    title: '200 with half a JSON document',
    answer: { status: 200, headers: { 'content-type': 'application/json' }, body: '{"id":"7","state":"iss' },
    codes: ['upstream_protocol'],
    world: 'garbage',
  },
  {
    title: '200 with JSON of another shape',
    answer: { status: 200, json: 'garbage' },
    codes: ['upstream_protocol'],
    world: 'garbage',
  },
]
