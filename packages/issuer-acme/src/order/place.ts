import { CertctlError, type IssuanceRequest, type JsonValue, type OrderOutcome } from '@certctl/core'
import { type Account, forgetRegistration, openAccount } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { certIdOf } from '../ari.js'
import { type Answer, bodyOf, locationOf } from '../transport/answer.js'
import { errorOf } from '../transport/problem.js'
import { requireRunning } from '../transport/transport.js'
import { checkRequest } from './check-request.js'
import { findOrderAtCa, findOwnOrder, type PlacedOrder, recordOrder } from './ledger.js'
import { identifierSet, identifiersOf, orderSchema } from './order.js'
import { profileOf } from './profile.js'
import type { Progress } from './progress.js'

export type PlacedRequest = Omit<IssuanceRequest, 'signal'>

/** Orders, unless there is an order of this request already; nothing is published before its address is stored. */
export async function place(acme: Acme, request: PlacedRequest, signal: AbortSignal): Promise<OrderOutcome> {
  requireRunning(signal)
  const { spkiSha256 } = checkRequest(acme.config, request)
  const account = await openAccount(acme, signal)
  checkKey(account, spkiSha256)
  const found = await search(acme, { account, request })
  const placed = found ?? (await newOrder(acme, { account, request, signal }))
  const { url, expires } = placed
  const isOurs = placed.isRecorded === true || (await recordOrder(acme, placed, request.id))
  if (!isOurs) return notOurs(acme, request)
  const progress: Progress = {
    placed_at: acme.host.now().toISOString(),
    expires,
    is_proven: placed.isProven,
    account: placed.account ?? account.url,
  }
  return { status: 'pending', orderId: url, progress: plain(progress), retryAfterSeconds: 1, waitingFor: 'validation' }
}

export function plain(progress: Progress): JsonValue {
  return JSON.parse(JSON.stringify(progress)) as JsonValue
}

const occupiedSeconds = 60

/** CAs give identical orders that are open one address; the other request of these names must have its certificate first. */
export function notOurs({ host }: Acme, { id }: PlacedRequest): OrderOutcome {
  const progress: Progress = { placed_at: host.now().toISOString(), unplaced: true }
  return {
    status: 'pending',
    orderId: `unplaced:${id}`,
    progress: plain(progress),
    retryAfterSeconds: occupiedSeconds,
    waitingFor: 'ca',
    detail:
      'The CA answered with an order of the same names that another key waits for; it is asked again when that one is done',
  }
}

/** The CSR says whom the certificate is for: a key that signs orders as well would be two things at once (RFC 8555 §11.1). */
function checkKey({ spkiSha256: own }: Account, spkiSha256: string): void {
  if (own === spkiSha256)
    throw new CertctlError(
      'csr_rejected',
      'The CSR is for the key of the ACME account; make a key of its own for the certificate',
    )
}

type Placed = PlacedOrder & { isRecorded?: boolean }

interface Ordering {
  account: Account
  request: PlacedRequest
}

/** An answer may have been lost: first our own record, then what the account lists (RFC 8555 §7.1.2.1), which Let's Encrypt does not; it reuses open orders instead. */
async function search(acme: Acme, { account, request }: Ordering): Promise<Placed | undefined> {
  const own = await findOwnOrder(acme, request.id)
  if (own !== undefined) return { ...own, isRecorded: true }
  if (request.attempt === 1) return undefined
  const identifiers = identifierSet(identifiersOf(request))
  const listed = await findOrderAtCa(acme, { account, identifiers, requestId: request.id })
  return listed === undefined ? undefined : { ...listed, identifiers, isExempt: false, account: account.url }
}

async function newOrder(acme: Acme, { account, request, signal }: Ordering & { signal: AbortSignal }): Promise<Placed> {
  const { newOrder: url } = await acme.transport.directory(signal)
  const identifiers = identifiersOf(request)
  const profile = await profileOf(acme, request, signal)
  const payload = { identifiers, ...(profile === undefined ? {} : { profile }) }
  const replaces = await replacedBy(acme, request, signal)
  const first = await account.signer.ask(url, replaces === undefined ? payload : { ...payload, replaces })
  const isRefused = replaces !== undefined && first.problem !== undefined && isAboutReplacing(first)
  if (isRefused)
    acme.host.log.info('the CA does not take the order as a replacement; it is placed as a new one', {
      problem: first.problem?.type,
    })
  const answer = isRefused ? await account.signer.ask(url, payload) : first
  if (answer.problem?.type === 'accountDoesNotExist') await forgetRegistration(acme, account)
  if (answer.problem !== undefined) throw errorOf(answer.problem, 'an order')
  const order = bodyOf(answer, orderSchema, 'an order')
  return {
    url: locationOf(answer, 'an order', acme.config.directory_url),
    expires: order.expires,
    isProven: order.status === 'ready',
    identifiers: identifierSet(identifiers),
    isExempt: replaces !== undefined && !isRefused,
    account: account.url,
  }
}

const mostAttempts = 2

/** RFC 9773 §5: whose certificate this order replaces. Only where the directory offers renewal information, and the certificate is of this CA. */
async function replacedBy(
  acme: Acme,
  { previous, attempt }: PlacedRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { renewalInfo } = await acme.transport.directory(signal)
  if (!acme.config.ari_enabled || renewalInfo === undefined || previous?.vendorRef === undefined) return undefined
  // It may be the very thing that keeps failing, in a way that nobody foresaw.
  if (attempt > mostAttempts) return undefined
  const origin = URL.canParse(previous.vendorRef) ? new URL(previous.vendorRef).origin : undefined
  return origin === new URL(acme.config.directory_url).origin ? certIdOf(previous.certificatePem) : undefined
}

/** Already replaced, of another account, with no name in common, unknown: none of these is a reason not to have a certificate. */
function isAboutReplacing({ status, problem }: Answer): boolean {
  if (problem?.type === 'alreadyReplaced' || status === 404 || status === 409) return true
  return ['malformed', 'unauthorized'].includes(problem?.type ?? '')
}
