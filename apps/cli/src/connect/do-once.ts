import { randomUUID } from 'node:crypto'
import { problemMediaType, type Send, type WireAnswer, type WireRequest } from '@certctl/api'
import { CertctlError, isCertctlError, messageOf } from '@certctl/core'
import { mayHaveArrived } from '@certctl/kit'

const open = new WeakSet<object>()

/** Whether something was done, or may have been: asked again as something new, it might be done twice. */
export function mayBeDone(error: unknown): boolean {
  return open.has(Object(error))
}

/**
 * Where the answer to a change is lost, a POST is sent once more under the same key: the server then answers with what was done, or does
 * it now. Where that says nothing either, and where a server that has begun something cannot be asked what came of it, rejects
 * `conflict`, as the server does for what may have been done, and `mayBeDone`.
 */
export function doOnce(send: Send, host: string): Send {
  let isBegun = false
  return async (request) => {
    if (changesNothing(request)) return isBegun ? await watch(send, request, host) : await send(request)
    const answer = await change(send, request, host)
    isBegun ||= answer.status < 400
    return answer
  }
}

async function change(send: Send, request: WireRequest, host: string): Promise<WireAnswer> {
  const key = isKeyed(request) ? { 'idempotency-key': randomUUID() } : undefined
  const keyed = { ...request, headers: { ...request.headers, ...key } }
  try {
    const answer = await send(keyed)
    if (isOfProxy(answer)) throw answerLost(host, new Error(`HTTP ${answer.status} of a proxy`))
    if (knowsNothing(answer)) throw answerLost(host, new Error('its database did not say'))
    return answer
  } catch (error) {
    if (!mayHaveArrived(error) && !mayBeDone(error)) throw error
    // One that fails as well says no more than the first: what is told then is that nothing is known.
    const second = key === undefined ? undefined : await send(keyed).catch(() => undefined)
    if (second !== undefined && tellsOfBoth(second)) return second
    throw mayBeDone(error) ? error : answerLost(host, error)
  }
}

/** The server keeps what it answers under a key for a day: not an API key. */
function isKeyed({ method, path }: WireRequest): boolean {
  return method === 'POST' && !path.endsWith('/api-keys')
}

const questions = /\/(?:test|doctor|audit\/verify|export\/pkcs12|join-tokens)$/

/** May be asked as often as one likes; a join token that nobody got ends by itself. */
function changesNothing({ method, path, body = '' }: WireRequest): boolean {
  return method === 'GET' || (method === 'POST' && (questions.test(path) || body.includes('"dry_run":true')))
}

/** What comes after a change is about what was begun: nobody is to begin it again because this failed. */
async function watch(send: Send, request: WireRequest, host: string): Promise<WireAnswer> {
  const answer = await send(request).catch((error: unknown) => {
    throw isCertctlError(error) && error.code === 'upstream_unavailable' ? outOfSight(host, error) : error
  })
  if (![429, 502, 503, 504].includes(answer.status)) return answer
  throw outOfSight(host, new Error(`HTTP ${answer.status}`))
}

/** The answer under a key that was sent before, and not one from before the key was looked up, or about the key alone. */
function tellsOfBoth({ status, body }: WireAnswer): boolean {
  const isAboutKey = status === 409 && body.includes('Idempotency-Key')
  return status < 500 && ![401, 403, 429].includes(status) && !isAboutKey
}

/** A proxy that had no answer of the server's says so in its own words: 502 or 504, Envoy 503, Cloudflare 520 to 524. */
function isOfProxy({ status, headers }: WireAnswer): boolean {
  return status >= 500 && headers['content-type']?.startsWith(problemMediaType) !== true
}

/** The server lost its database while that was to keep the change. */
function knowsNothing({ status, body }: WireAnswer): boolean {
  return status === 503 && body.includes('whether the change was kept is not known')
}

const answerLost = (host: string, cause: unknown) =>
  openError(
    `${host} was asked, and its answer was lost (${reasonOf(cause)}): whether it was done is not known; look before you ask again`,
    cause,
  )

const outOfSight = (host: string, cause: unknown) =>
  openError(
    `${host} has begun what it was asked, and cannot be asked what came of it (${reasonOf(cause)}); look before you ask again`,
    cause,
  )

function openError(message: string, cause: unknown): CertctlError {
  const error = new CertctlError('conflict', message, { cause })
  open.add(error)
  return error
}

function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)
}
