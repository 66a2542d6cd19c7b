import { CertctlError, type IssuanceRequest, type OrderOutcome } from '@certctl/core'
import type { IssuerProcess, IssuerScene, PendingOutcome, ValidOutcome } from './issuer-scene.js'
import type { IssuerWorld } from './issuer-world.js'
import { textOf } from './target-scene.js'
import type { WatchOptions } from './watched-host.js'

/** Looks and attempts a test grants before it gives up on an order. */
const maxLooks = 60
const maxAttempts = 4

export interface Obtained {
  outcome: ValidOutcome
  /** Of the last pending outcome, where there was one. */
  orderId: string | undefined
  /** Every process that took part. */
  processes: readonly IssuerProcess[]
}

/**
 * Brings an order to its end as the server does: attempts under one id, looks by whichever copy is there, with what the last outcome returned.
 * The fault meets the first process; what comes after a failure is another one.
 */
export async function obtain(
  scene: IssuerScene,
  world: IssuerWorld,
  { request, ...options }: WatchOptions & { request: IssuanceRequest },
): Promise<Obtained> {
  const processes: IssuerProcess[] = [scene.start(world, options)]
  // Where nothing is made to fail, nothing may.
  const granted = options.fault === undefined ? 1 : maxAttempts
  const current = () => processes.at(-1) ?? scene.start(world)
  const asking = async (
    ask: (process: IssuerProcess, attempt: number) => Promise<OrderOutcome>,
  ): Promise<OrderOutcome> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask(current(), attempt)
      } catch (error) {
        if (attempt === granted) throw error
        processes.push(scene.start(world))
      }
    }
  }

  let outcome = await asking((process, attempt) => process.connector.issue({ ...request, attempt }))
  let orderId: string | undefined
  for (let look = 1; outcome.status === 'pending'; look += 1) {
    if (look > maxLooks) throw new Error(`Still pending after ${maxLooks} looks: ${outcome.detail ?? 'no detail'}`)
    const { progress } = outcome
    orderId = outcome.orderId
    await letTimePass(world, outcome)
    // Without a fault every look is another copy's: nothing may live in the connector.
    if (options.fault === undefined) processes.push(scene.start(world, options))
    outcome = await asking((process) => lookOnce(process, { orderId: orderId ?? '', progress, request }))
  }
  if (outcome.status === 'valid') return { outcome, orderId, processes }
  throw new Error(`The order ended as ${outcome.status}: ${outcome.reason}`)
}

/** Between two looks: as long as the connector asked for, and the world gets on. */
export async function letTimePass(world: IssuerWorld, { retryAfterSeconds = 60 }: PendingOutcome): Promise<void> {
  await world.host.delay(retryAfterSeconds, new AbortController().signal)
  await world.settle?.()
}

async function lookOnce(
  { connector }: IssuerProcess,
  order: { orderId: string; progress: PendingOutcome['progress']; request: IssuanceRequest },
): Promise<OrderOutcome> {
  if (order.orderId === '') throw new Error('A pending order has no orderId')
  if (connector.poll === undefined) throw new CertctlError('unsupported', 'It answers pending and offers no poll')
  const { signal, ...request } = order.request
  return await connector.poll({ ...order, request, signal })
}

/** How a call ended: what it returned, or why not. */
export async function endingOf<T>(call: Promise<T>): Promise<{ value: T } | { error: unknown; text: string }> {
  try {
    return { value: await call }
  } catch (error) {
    return { error, text: textOf(error) }
  }
}
