import { formatDuration, type Secret, z } from '@certctl/core'
import type { Bench } from './bench.js'
import { unknownToken } from './client.js'
import { failureOf, readAnswer } from './failure.js'
import { noteTokenEnd, type TokenFacts } from './token-facts.js'

const what = 'Vault, renewing its token'
const renewedSchema = z.object({ auth: z.object({ lease_duration: z.number().nonnegative() }) })

const longestSeconds = 86_400
const shortestSeconds = 30

/** Prolongs the token when a good part of its life is over; an AppRole that cannot logs in again. Says when to come back: at two thirds of what is left. */
export async function maintain(bench: Bench, signal: AbortSignal): Promise<{ nextInSeconds: number }> {
  const { client, host } = bench
  const token = await client.tokens.current(signal)
  const facts = await client.lookUp(token, signal)
  if (facts === undefined) return await replaced(bench, token, signal)
  await noteTokenEnd(host, token, facts)
  if (facts.ttl === 0) return { nextInSeconds: longestSeconds }
  if (!isDue(facts)) return { nextInSeconds: twoThirdsOf(facts.ttl) }
  const ttl = facts.renewable ? await renewed(bench, token, signal) : facts.ttl
  await noteTokenEnd(host, token, { ttl })
  return (await endsForGood(bench, { facts, ttl, signal })) ?? { nextInSeconds: twoThirdsOf(ttl) }
}

/** From half of the life on, since calls come when there is time, not to the second. */
function isDue({ ttl, creation_ttl }: TokenFacts): boolean {
  return creation_ttl === 0 || ttl * 2 <= creation_ttl
}

function twoThirdsOf(seconds: number): number {
  return Math.min(longestSeconds, Math.max(shortestSeconds, Math.floor((seconds * 2) / 3)))
}

async function renewed({ client }: Bench, token: Secret, signal: AbortSignal): Promise<number> {
  const response = await client.send({ method: 'POST', path: 'auth/token/renew-self', json: {}, token, signal })
  if (response.status === 403)
    throw failureOf(response, `${what} (its policy must allow "update" on auth/token/renew-self)`)
  const { auth } = readAnswer(response, renewedSchema, what)
  await client.tokens.prolonged(token, auth.lease_duration)
  return auth.lease_duration
}

/** A token that was not prolonged to half of its first life has come to its largest age: an AppRole gets another, a given one is warned of. */
async function endsForGood(
  { client, host }: Bench,
  { facts, ttl, signal }: { facts: TokenFacts; ttl: number; signal: AbortSignal },
): Promise<{ nextInSeconds: number } | undefined> {
  if (!isDue({ ...facts, ttl })) return undefined
  const other = await client.tokens.replace(signal)
  if (other !== undefined) return { nextInSeconds: twoThirdsOf(facts.creation_ttl || longestSeconds) }
  const endsAt = new Date(host.now().getTime() + ttl * 1000).toISOString()
  const why = facts.renewable ? 'it has reached its largest age' : 'it is not renewable'
  host.log.warn('the token of Vault ends and cannot be prolonged', {
    endsAt,
    left: formatDuration(Math.floor(ttl)),
    because: why,
    remedy: 'configure a new one before, or an AppRole (role_id and secret_id)',
  })
  return undefined
}

async function replaced(
  { client, host }: Bench,
  token: Secret,
  signal: AbortSignal,
): Promise<{ nextInSeconds: number }> {
  const other = await client.tokens.replace(signal)
  if (other === undefined) throw await unknownToken(host, token, what)
  const facts = await client.lookUp(other, signal)
  return { nextInSeconds: twoThirdsOf(facts?.ttl || longestSeconds) }
}
