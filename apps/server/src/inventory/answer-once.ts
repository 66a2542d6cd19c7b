import { createHash } from 'node:crypto'
import type { RawReply } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { Principal } from '../access/principal.js'
import type { Services } from '../services.js'
import { canonicalJson } from '../store/canonical-json.js'

export interface IdempotentCall {
  principal: Exclude<Principal, { kind: 'public' }>
  key: string
  method: string
  path: string
  body: unknown
}

const keptMs = 24 * 3_600_000
/** A call that began so long ago and never ended died with its server; the slowest takes far less, and must not be done twice. */
const abandonedMs = 900_000

/**
 * The same key and body within a day: the same answer, without doing it again. Another body under the key, or the first call still
 * under way: `conflict`. What failed is not kept: nothing happened.
 */
export async function answerOnce(
  services: Services,
  call: IdempotentCall,
  answer: () => Promise<RawReply>,
): Promise<RawReply> {
  const { store, sealing, clock } = services
  const { key } = call
  const caller = `${call.principal.kind} ${call.principal.id}`
  const place = { table: 'idempotency_keys', id: `${caller} ${key}`, column: 'answer' }
  const now = clock.now()
  const hash = createHash('sha256')
    .update(canonicalJson([call.method, call.path, call.body ?? null]))
    .digest()
  const claim = { caller, key, started_at: now }
  const before = await store.idempotencyKeys.begin(
    { ...claim, request_hash: hash, expires_at: new Date(now.getTime() + keptMs) },
    { now, abandonedBefore: new Date(now.getTime() - abandonedMs) },
  )
  if (before !== undefined) {
    requireSameCall(before, hash)
    return JSON.parse(sealing.open(before.answer, place).toString('utf8')) as RawReply
  }
  const reply = await answer().catch(async (error: unknown) => {
    await store.idempotencyKeys.forget(claim)
    throw error
  })
  if (typeof reply.body === 'object') throw new CertctlError('internal', 'A streamed answer cannot be kept')
  await store.idempotencyKeys.finish(claim, sealing.seal(JSON.stringify(reply), place))
  return reply
}

function requireSameCall(
  before: { request_hash: Buffer; answer: Buffer | null },
  hash: Buffer,
): asserts before is { request_hash: Buffer; answer: Buffer } {
  if (!before.request_hash.equals(hash))
    throw new CertctlError('conflict', 'This Idempotency-Key was used for another request; take a new one')
  if (before.answer === null)
    throw new CertctlError('conflict', 'The first request under this Idempotency-Key is still under way; ask again', {
      retryAfterSeconds: 1,
    })
}
