import { createHash } from 'node:crypto'
import {
  CertctlError,
  type DefinitionsByKind,
  defineIssuer,
  type IssuanceRequest,
  type IssuedRef,
  type OrderOutcome,
  type OrderRef,
  type RenewalInfo,
  type RevocationOutcome,
  type RevocationRequest,
  z,
} from '@certctl/core'
import { encodePem, parseCsr } from '@certctl/pki'
import { isOut, type Outage } from '../outages.js'
import type { Random } from '../random.js'
import type { World } from '../world.js'
import { type Authority, createAuthority } from './authority.js'
import { renewalInfoOf } from './renewal-windows.js'

/** How a CA is. */
export interface CaManners {
  id: string
  type: string
  /** Finds an order of the same id again instead of signing twice. */
  searches: boolean
  /** Of its orders: answered later, within hours. */
  pendingShare: number
  metered: boolean
  /** Says when it wants a certificate renewed. */
  suggests: boolean
  /** New orders it takes in any hour; what comes beyond is told to wait. */
  ordersPerHour: number
  skewSeconds: number
}

export interface SignedCertificate {
  orderId: string
  /** Whether somebody was given it. */
  answered: boolean
  /** In virtual milliseconds, like its end. */
  at: number
  notAfter: number
}

export interface CaModel extends CaManners {
  readonly definition: DefinitionsByKind['issuer']
  readonly outages: Outage[]
  /** All it ever signed, by fingerprint. */
  readonly signed: Map<string, SignedCertificate>
  /** By order: how often whoever asked had a reason to ask again, because he heard nothing or lost his lease. */
  readonly unheard: Map<string, number>
  /** Certificates it was told to revoke, by fingerprint. */
  readonly revoked: Set<string>
  /** When it last wanted all that it had signed until then renewed at once. */
  wantedBackAt: number | undefined
}

/** What a CA knows besides its manners. */
interface Desk {
  ca: CaModel
  authority: Authority
  random: Random
  byOrder: Map<string, OrderOutcome>
  /** Orders that wait, by the id it gave them. */
  waiting: Map<string, { readyAt: number; request: Omit<IssuanceRequest, 'signal'> }>
  /** When it took its newest orders. */
  taken: number[]
  pausedUntil: number
  /** So many orders it has kept waiting. */
  ordersKept: number
  /** Orders it is being asked for. */
  open: Map<string, number>
}

/** A CA with state: it refuses what a CA refuses, goes away, answers late or not at all, and sometimes signs twice. */
export async function createCa(manners: CaManners, world: () => World): Promise<CaModel> {
  const random = world().random.fork(manners.id)
  const authority = await createAuthority(`Simulated CA ${manners.id}`, new Date(world().agenda.now()))
  const ca: CaModel = {
    ...manners,
    outages: [],
    signed: new Map(),
    unheard: new Map(),
    revoked: new Set(),
    wantedBackAt: undefined,
    definition: definitionOf(manners, {
      issue: async (request) => await issue(world(), desk, request),
      poll: async (order) => await poll(world(), desk, order),
      revoke: async (request) => await revoke(world(), desk, request),
      renewalInfo: async (certificate) => {
        requireHeard(world(), desk, 'does not hear who asks for a window')
        return renewalInfoOf(world(), ca, certificate)
      },
    }),
  }
  const desk: Desk = {
    ca,
    authority,
    random,
    byOrder: new Map(),
    waiting: new Map(),
    taken: [],
    pausedUntil: 0,
    ordersKept: 0,
    open: new Map(),
  }
  return ca
}

interface Answers {
  issue(request: IssuanceRequest): Promise<OrderOutcome>
  poll(order: OrderRef): Promise<OrderOutcome>
  revoke(request: RevocationRequest): Promise<RevocationOutcome>
  renewalInfo(certificate: IssuedRef): Promise<RenewalInfo>
}

function definitionOf({ type, metered, suggests }: CaManners, answers: Answers): DefinitionsByKind['issuer'] {
  return defineIssuer({
    type,
    displayName: 'A simulated CA',
    configSchema: z.strictObject({}),
    capabilities: {
      operations: ['poll', 'revoke', ...(suggests ? (['renewalInfo'] as const) : [])],
      names: ['dns'],
      honours: ['notAfter'],
      revocationReasons: ['unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation'],
      metered,
    },
    create: () => answers,
  })
}

async function issue(world: World, desk: Desk, request: IssuanceRequest): Promise<OrderOutcome> {
  requireOneTurn(world, desk, request.id)
  if (!isOut(desk.ca.outages, world.agenda.now())) requireRate(world, desk)
  return await underWay(world, desk, { orderId: request.id, work: async () => await take(world, desk, request) })
}

async function take(world: World, desk: Desk, request: IssuanceRequest): Promise<OrderOutcome> {
  const { ca, random } = desk
  requireUp(world, ca)
  if (random.happens(world.scenario.callFailures / 2)) throw unavailable(world, ca, 'never heard the question')
  const outcome = await answer(world, desk, request)
  if (!random.happens(world.scenario.callFailures / 2)) return said(desk, outcome)
  world.figures.lostAnswers += 1
  noteUnheard(ca, request.id)
  throw unavailable(world, ca, 'answered, and the answer was lost')
}

// Orders live for hours, and a CA has thousands in a year.
const remembered = 2000

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > remembered && oldest !== undefined) map.delete(oldest)
}

function noteUnheard({ unheard }: CaModel, orderId: string): void {
  unheard.set(orderId, (unheard.get(orderId) ?? 0) + 1)
}

function requireOneTurn(world: World, { ca, open }: Desk, orderId: string): void {
  if ((open.get(orderId) ?? 0) > 0)
    world.violate('oneTurnPerOrder', `${ca.id} is asked for one order by two at once, both of them under a lease`)
}

/** Takes virtual time; a worker that stalls meanwhile loses its lease. */
async function underWay<T>(
  world: World,
  { ca, random, open }: Desk,
  { orderId, work }: { orderId: string; work: () => Promise<T> },
): Promise<T> {
  const { stalls, slowCalls } = world.scenario
  if (random.happens(stalls)) {
    world.journal.note(`${ca.id} hears from a worker that then stalls`)
    noteUnheard(ca, orderId)
    await world.activities.pause(random.between(31, 300))
    return await work()
  }
  if (!random.happens(slowCalls)) return await work()
  open.set(orderId, (open.get(orderId) ?? 0) + 1)
  await world.activities.pause(random.between(1, 25))
  open.set(orderId, (open.get(orderId) ?? 1) - 1)
  return await work()
}

function requireUp(world: World, ca: CaModel): void {
  if (isOut(ca.outages, world.agenda.now())) throw unavailable(world, ca, 'is away')
}

function requireRate(world: World, desk: Desk): void {
  const { ca, taken } = desk
  const now = world.agenda.now()
  if (now < desk.pausedUntil)
    world.violate(
      'rateLimits',
      `${ca.id} is asked for an order although it said to wait ${Math.ceil((desk.pausedUntil - now) / 1000)} s longer`,
    )
  while (taken[0] !== undefined && taken[0] <= now - 3_600_000) taken.shift()
  if (taken.length < ca.ordersPerHour) return void taken.push(now)
  desk.pausedUntil = (taken[0] ?? now) + 3_600_000
  const retryAfterSeconds = Math.ceil((desk.pausedUntil - now) / 1000)
  world.journal.note(`${ca.id} takes no more orders for ${retryAfterSeconds} s`)
  throw new CertctlError('rate_limited', `${ca.id} takes ${ca.ordersPerHour} orders an hour`, { retryAfterSeconds })
}

async function answer(world: World, desk: Desk, request: Omit<IssuanceRequest, 'signal'>): Promise<OrderOutcome> {
  const { ca, random } = desk
  const known = ca.searches ? desk.byOrder.get(request.id) : undefined
  if (known !== undefined) return known
  const outcome = random.happens(ca.pendingShare) ? keepWaiting(world, desk, request) : await sign(world, desk, request)
  remember(desk.byOrder, request.id, outcome)
  return outcome
}

function keepWaiting(world: World, desk: Desk, request: Omit<IssuanceRequest, 'signal'>): OrderOutcome {
  desk.ordersKept += 1
  const orderId = `order-${desk.ordersKept}`
  remember(desk.waiting, orderId, { request, readyAt: world.agenda.now() + desk.random.between(10, 3 * 3600) * 1000 })
  return { status: 'pending', orderId, waitingFor: 'ca' }
}

async function poll(world: World, desk: Desk, order: OrderRef): Promise<OrderOutcome> {
  requireOneTurn(world, desk, order.request.id)
  return await underWay(world, desk, { orderId: order.request.id, work: async () => await look(world, desk, order) })
}

async function look(world: World, desk: Desk, { orderId }: OrderRef): Promise<OrderOutcome> {
  const { ca, random } = desk
  requireUp(world, ca)
  if (random.happens(world.scenario.callFailures / 2)) throw unavailable(world, ca, 'never heard a look')
  const waiting = desk.waiting.get(orderId)
  if (waiting === undefined) throw new CertctlError('not_found', `${ca.id} knows no order ${orderId}`)
  const { request, readyAt } = waiting
  if (world.agenda.now() < readyAt) return { status: 'pending', orderId, waitingFor: 'ca' }
  const known = desk.byOrder.get(request.id)
  const ended = known?.status === 'pending' ? await end(world, desk, { orderId, request }) : known
  if (ended === undefined || random.happens(world.scenario.callFailures / 2))
    throw unavailable(world, ca, 'lost the answer to a look')
  return said(desk, ended)
}

async function end(
  world: World,
  desk: Desk,
  { orderId, request }: { orderId: string; request: Omit<IssuanceRequest, 'signal'> },
): Promise<OrderOutcome> {
  const outcome: OrderOutcome = desk.random.happens(0.02)
    ? { status: 'invalid', orderId, reason: 'the validation took too long' }
    : await sign(world, desk, request)
  remember(desk.byOrder, request.id, outcome)
  return outcome
}

async function sign(world: World, desk: Desk, request: Omit<IssuanceRequest, 'signal'>): Promise<OrderOutcome> {
  const { ca, authority, random } = desk
  const at = world.agenda.now()
  const now = at + ca.skewSeconds * 1000
  const notAfter = request.notAfter ?? new Date(now + 90 * 86_400_000)
  const serialNumber = random.bytes(16)
  serialNumber[0] = ((serialNumber[0] ?? 0) & 0x3f) | 0x40
  const der = await authority.sign({
    names: request.names,
    commonName: request.commonName ?? '',
    spki: parseCsr(request.csrPem).publicKey.spki,
    serialNumber,
    notBefore: new Date(now - 3_600_000),
    notAfter,
  })
  const fingerprint = createHash('sha256').update(der).digest('hex')
  ca.signed.set(fingerprint, { orderId: request.id, answered: false, at, notAfter: notAfter.getTime() })
  world.figures.issued += 1
  return {
    status: 'valid',
    certificatePem: encodePem('CERTIFICATE', der),
    chainPem: authority.certificatePem,
    vendorRef: fingerprint,
  }
}

/** Notes that somebody hears it. */
function said({ ca }: Desk, outcome: OrderOutcome): OrderOutcome {
  const signed = outcome.status === 'valid' ? ca.signed.get(outcome.vendorRef ?? '') : undefined
  if (signed !== undefined) signed.answered = true
  return outcome
}

async function revoke(world: World, desk: Desk, { certificate }: RevocationRequest): Promise<RevocationOutcome> {
  requireHeard(world, desk, 'does not hear of a revocation')
  desk.ca.revoked.add(certificate.fingerprint)
  return { status: 'confirmed' }
}

function requireHeard(world: World, { ca, random }: Desk, otherwise: string): void {
  requireUp(world, ca)
  if (random.happens(world.scenario.callFailures)) throw unavailable(world, ca, otherwise)
}

function unavailable({ journal, figures }: World, { id }: CaModel, what: string): CertctlError {
  figures.failedCalls += 1
  journal.note(`${id} ${what}`)
  return new CertctlError('upstream_unavailable', `${id} does not answer`)
}
