import { CertctlError, type GeneralName, type JsonValue } from '@certctl/core'
import type { Account } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { answerFor, persistRecordOf, type Question } from '../challenge/answer-for.js'
import { type Chosen, chooseChallenge, domainOf } from '../challenge/choose.js'
import { authorizes } from '../challenge/persist-record.js'
import { askPropagation } from '../challenge/propagation.js'
import { publish } from '../challenge/publish.js'
import { bodyOf } from '../transport/answer.js'
import { errorOf, shown } from '../transport/problem.js'
import { inBatches } from './in-batches.js'
import { type Authorization, authorizationSchema, type Order } from './order.js'
import type { Published } from './progress.js'

/** How far the names of an order are proven. */
export type Proof = { state: 'asked' } | { state: 'waiting'; detail: string } | { state: 'impossible'; reason: string }

export interface Proving {
  account: Account
  order: Order
  /** Grows: what was published so far, to be withdrawn at the end. */
  published: Published[]
  /** Of the request. */
  names: readonly GeneralName[]
  signal: AbortSignal
}

export async function readAuthorizations({
  account,
  order,
}: {
  account: Account
  order: Pick<Order, 'authorizations'>
}): Promise<Authorization[]> {
  return await inBatches(order.authorizations, async (url) => {
    const answer = await account.signer.post(url, null, 'an authorization')
    return { ...bodyOf(answer, authorizationSchema, 'an authorization'), url }
  })
}

/** Publishes what is to be published for every name that is not proven yet, and has the CA look at what is visible. One that is valid already is done, whatever challenges it lists. */
export async function prove(acme: Acme, proving: Proving): Promise<Proof> {
  const authorizations = await readAuthorizations(proving)
  const open = authorizations.filter(({ status }) => status === 'pending')
  for (const authorization of open) requireAsked(authorization, proving.names)
  const chosen = open.map((authorization) => ({ authorization, challenge: chooseChallenge(acme, authorization) }))
  const refused = chosen.find(({ challenge }) => typeof challenge === 'string')
  if (typeof refused?.challenge === 'string') return { state: 'impossible', reason: refused.challenge }
  const proofs: Proof[] = []
  for (const { authorization, challenge } of chosen)
    if (typeof challenge !== 'string') proofs.push(await proveOne(acme, proving, { authorization, challenge }))
  return (
    proofs.find(({ state }) => state === 'impossible') ??
    proofs.find(({ state }) => state === 'waiting') ?? { state: 'asked' }
  )
}

/** Nothing is published for a name that was not ordered; CAs may have a name proven by one above it. */
function requireAsked(authorization: Authorization, names: readonly GeneralName[]): void {
  if (authorization.identifier.type !== 'dns') return
  const domain = domainOf(authorization)
  if (names.some(({ value }) => `.${value.toLowerCase()}`.endsWith(`.${domain}`))) return
  throw new CertctlError(
    'upstream_protocol',
    `The ACME server asks for a proof of ${shown(domain).slice(0, 253)}, which is not among the names of the order`,
  )
}

interface Pair {
  authorization: Authorization
  challenge: Chosen
}

async function proveOne(acme: Acme, { account, published, signal }: Proving, pair: Pair): Promise<Proof> {
  const { challenge, authorization } = pair
  // The CA looks already: asking again would be refused, or counted.
  if (challenge.status !== 'pending') return { state: 'asked' }
  const question: Question = { ...pair, account, signal }
  const answer = await answerFor(acme, question)
  const ready = await makeVisible(acme, { question, answer, published })
  if (ready.state !== 'asked') return ready
  const accepted = await account.signer.ask(challenge.url, {} satisfies JsonValue)
  const { problem } = accepted
  if (problem === undefined) return { state: 'asked' }
  // It said when it wants to be asked again, and whoever runs the order knows how to wait.
  if (problem.retryAfterSeconds !== undefined) throw errorOf(problem, 'validation')
  // Whatever else the CA says of it, the authorization says it better at the next look.
  const name = authorization.identifier.value
  acme.host.log.warn('the CA did not take the answer to a challenge', { name, problem: problem.type || problem.status })
  return { state: 'asked' }
}

interface Publication {
  question: Question
  answer: Published
  published: Published[]
}

async function makeVisible(acme: Acme, { question, answer, published }: Publication): Promise<Proof> {
  const { authorization, signal } = question
  const name = authorization.identifier.value
  if (answer.kind === 'dns' && answer.stands && (await standsAlready(acme, question, answer))) return { state: 'asked' }
  const before = published.find((other) => isSame(other, answer))
  // A record that was written is not written again; other answers are confirmed by whoever gives them.
  if (before === undefined || before.kind !== 'dns') {
    if (before === undefined) published.push(answer)
    const outcome = await publish(acme, answer, signal)
    if (outcome === 'waiting')
      return {
        state: 'waiting',
        detail: `The agents that hold ${name} have not confirmed its answer yet`,
      }
  }
  if (answer.kind !== 'dns') return { state: 'asked' }
  const { state, report } = await askPropagation(acme, { ...answer, at: before?.at ?? answer.at }, signal)
  if (state === 'visible') return { state: 'asked' }
  if (state === 'given up') return { state: 'impossible', reason: `The TXT record is not visible: ${report}` }
  return { state: 'waiting', detail: `The TXT record is not visible everywhere: ${report}` }
}

/** A standing record is written once; the hook is not run for what is there. */
async function standsAlready(
  acme: Acme,
  question: Question,
  answer: Extract<Published, { kind: 'dns' }>,
): Promise<boolean> {
  const { config, host } = acme
  const wanted = persistRecordOf(acme, question)
  const { name } = answer
  const values = await host.resolve({ name, type: 'TXT', servers: config.dns_resolvers, signal: question.signal })
  return values.some((value) => authorizes(value, wanted, host.now()))
}

function isSame(a: Published, b: Published): boolean {
  if (a.authorization !== b.authorization || a.name !== b.name) return false
  if (a.kind === 'dns') return b.kind === 'dns' && a.value === b.value
  return a.kind === b.kind && a.key_authorization === b.key_authorization
}
