import { createHash } from 'node:crypto'
import type { RawReply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { refusalToSeal } from '../access/follow-sealing-key.js'
import { bootstrapPrincipal, type Principal } from '../access/principal.js'
import type { Services } from '../services.js'
import { canonicalJson } from '../store/canonical-json.js'
import { mayBeDone } from '../store/database-error.js'
import type { IdempotencyRow } from '../store/idempotency-keys.js'

export interface IdempotentCall {
  principal: Principal
  /** Where it came from: all that tells callers apart who prove nothing, or nothing of their own. */
  address: string
  key: string
  method: string
  path: string
  body: unknown
}

const keptMs = 24 * 3_600_000
/** A call that began so long ago has ended, whatever became of it; the slowest takes far less. */
const abandonedMs = 900_000
/** A copy that was not heard of for so long is dead, and its calls with it. */
const deadMs = 60_000

/**
 * The same key and body within a day: the same answer, without doing it again. Another body under the key, or the first call still
 * under way: `conflict`. What failed is not kept: nothing happened. What ended without an answer, or lost its connection while it
 * committed, may have happened, so it is a `conflict` for the rest of the day, too, and not done again.
 */
export async function answerOnce(
  services: Services,
  call: IdempotentCall,
  answer: () => Promise<RawReply>,
): Promise<RawReply> {
  const { store, sealing, clock, server, log } = services
  const { key } = call
  // Nothing is done whose answer could not be kept.
  const refusal = await refusalToSeal(services)
  if (refusal !== undefined) throw refusal
  const caller = callerOf(call)
  const place = { table: 'idempotency_keys', id: `${caller} ${key}`, column: 'answer' }
  const now = clock.now()
  const hash = createHash('sha256')
    .update(canonicalJson([call.method, call.path, call.body ?? null]))
    .digest()
  const claim = { caller, key, started_at: now }
  const before = await store.idempotencyKeys.begin(
    { ...claim, request_hash: hash, expires_at: new Date(now.getTime() + keptMs), server_id: server.id },
    { now },
  )
  if (before !== undefined) {
    requireAnswer(before, { hash, now })
    return replyOf(JSON.parse(sealing.open(before.answer, place).toString('utf8')) as KeptReply)
  }
  // Where one of these fails, the key stays taken: what was done was done all the same, and what was not is told as it is.
  const passingOver = (error: unknown) =>
    log.error({ err: error }, 'an Idempotency-Key stays taken, and its answer is not kept')
  const forget = async () => await store.idempotencyKeys.forget(claim).catch(passingOver)
  const kept = await attempt(answer, forget)
  const keep = async () => await store.idempotencyKeys.finish(claim, sealing.seal(JSON.stringify(kept), place))
  if (kept.status < 500) await keep().catch(passingOver)
  return replyOf(kept)
}

async function attempt(answer: () => Promise<RawReply>, forget: () => Promise<void>): Promise<KeptReply> {
  try {
    const kept = await whole(await answer())
    if (kept.status >= 500) await forget()
    return kept
  } catch (error) {
    if (!mayBeDone(error)) await forget()
    throw error
  }
}

function callerOf({ principal, address }: IdempotentCall): string {
  if (principal.kind === 'public') return `public ${address}`
  const caller = `${principal.kind} ${principal.id}`
  // One token of many hosts, and what is answered to one of them is its key.
  return principal.id === bootstrapPrincipal.id ? `${caller} ${address}` : caller
}

/** An answer as it is kept; octets, which JSON does not have, in base64. */
interface KeptReply extends RawReply {
  readonly body?: string | undefined
  readonly octets?: string | undefined
}

/** An answer that comes in pieces is kept in one. */
async function whole(reply: RawReply): Promise<KeptReply> {
  const { body, ...head } = reply
  if (typeof body !== 'object') return { ...head, body }
  const pieces: Buffer[] = []
  let isText = true
  for await (const piece of body) {
    isText &&= typeof piece === 'string'
    pieces.push(typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece))
  }
  const all = Buffer.concat(pieces)
  return isText ? { ...head, body: all.toString('utf8') } : { ...head, octets: all.toString('base64') }
}

function replyOf({ octets, ...reply }: KeptReply): RawReply {
  return octets === undefined ? reply : { ...reply, body: inOnePiece(Buffer.from(octets, 'base64')) }
}

async function* inOnePiece(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets
}

type Begun = Pick<IdempotencyRow, 'request_hash' | 'answer' | 'started_at' | 'heartbeat_at'>

function requireAnswer(
  before: Begun,
  { hash, now }: { hash: Buffer; now: Date },
): asserts before is Begun & { answer: Buffer } {
  if (!before.request_hash.equals(hash))
    throw new CertctlError('conflict', 'This Idempotency-Key was used for another request; take a new one')
  if (before.answer !== null) return
  if (hasEnded(before, now))
    throw new CertctlError(
      'conflict',
      'The server that took the first request under this Idempotency-Key has kept no answer and may have ended, so it may have been done; look whether it was (bulk operations: certctl jobs list), and only where it was not send it with a new key',
    )
  throw new CertctlError('conflict', 'The first request under this Idempotency-Key is still under way; ask again', {
    retryAfterSeconds: 1,
  })
}

function hasEnded({ started_at: began, heartbeat_at: heard }: Begun, now: Date): boolean {
  const isAbandoned = began.getTime() < now.getTime() - abandonedMs
  return isAbandoned || (heard !== null && heard.getTime() < now.getTime() - deadMs)
}
