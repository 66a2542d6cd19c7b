import {
  type IssuanceRequest,
  type IssuerConnector,
  type IssuerHost,
  type OrderOutcome,
  parseConfig,
} from '@certctl/core'
import { createIssuanceRequest, type RequestOverrides } from '@certctl/testing'
import acme from '../src/index.js'

export const never = new AbortController().signal

/** The connector as a server copy has it. */
export function start(host: IssuerHost, config: Readonly<Record<string, unknown>>): IssuerConnector {
  return acme.create(parseConfig(acme.configSchema, config, acme.type), host)
}

export const dns = (value: string) => ({ type: 'dns', value }) as const

export async function requestFor(
  names: RequestOverrides['names'],
  over: Partial<IssuanceRequest> = {},
): Promise<IssuanceRequest> {
  return { ...(await createIssuanceRequest({ names, commonName: undefined })), ...over }
}

export type Valid = Extract<OrderOutcome, { status: 'valid' }>
export type Pending = Extract<OrderOutcome, { status: 'pending' }>

export function pending(outcome: OrderOutcome): Pending {
  if (outcome.status !== 'pending') throw new Error(`the order is ${JSON.stringify(outcome)}`)
  return outcome
}

export function valid(outcome: OrderOutcome): Valid {
  if (outcome.status !== 'valid') throw new Error(`the order is ${JSON.stringify(outcome)}`)
  return outcome
}

/** Real CAs work in real time while a look here takes a few milliseconds: enough for one that stands still for ten seconds. */
const mostLooks = 1000

/** Looks until the order ends, as the server does; every look is another copy's where `copies` makes one. */
export async function settle(
  host: IssuerHost,
  copy: () => IssuerConnector,
  { signal, ...request }: IssuanceRequest,
): Promise<Exclude<OrderOutcome, { status: 'pending' }> & { orderId?: string }> {
  let outcome = await copy().issue({ ...request, signal })
  let orderId: string | undefined
  for (let look = 1; outcome.status === 'pending'; look += 1) {
    if (look > mostLooks) throw new Error(`still pending: ${outcome.detail}`)
    await host.delay(outcome.retryAfterSeconds ?? 1, signal)
    orderId = outcome.orderId
    const { progress } = outcome
    const next = await copy().poll?.({ orderId, progress, request, signal })
    if (next === undefined) throw new Error('it cannot poll')
    outcome = next
  }
  return { ...outcome, ...(orderId === undefined ? {} : { orderId }) }
}
