import { createHash } from 'node:crypto'
import { messageOf, type OrderRef } from '@certctl/core'
import type { Account } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { answerFor } from '../challenge/answer-for.js'
import { chooseChallenge } from '../challenge/choose.js'
import { withdraw } from '../challenge/publish.js'
import { readAuthorizations } from './authorize.js'
import type { Order } from './order.js'
import { type Progress, type Published, readPublished } from './progress.js'

export interface Ended {
  ref: Pick<OrderRef, 'signal'>
  account: Account
  order: Order
  progress: Progress
  published: readonly Published[]
}

const leftoverPrefix = 'leftover/'
const monthMs = 30 * 86_400_000

/** Takes back every answer of an order that ended. The certificate does not depend on it: what cannot be taken back is kept in mind, and tried again by `maintain`. */
export async function withdrawAll(acme: Acme, ended: Ended): Promise<void> {
  const { ref, published, progress } = ended
  // Whoever published may have died before it was stored; the order tells what that must have been.
  const unknown = progress.is_proven === true ? [] : await recompute(acme, ended)
  await withdrawEach(acme, [...published, ...unknown], ref.signal)
}

/** The same for what is known to be published. */
export async function withdrawEach(acme: Acme, answers: readonly Published[], signal: AbortSignal): Promise<void> {
  for (const answer of answers) {
    try {
      await withdraw(acme, answer, signal)
    } catch (error) {
      if (signal.aborted) throw error
      await keepInMind(acme, answer, error)
    }
  }
}

async function recompute(acme: Acme, { ref, account, order, published }: Ended): Promise<Published[]> {
  const known = published.map(({ authorization }) => authorization)
  const missing = order.authorizations.filter((url) => !known.includes(url))
  try {
    const authorizations = await readAuthorizations({ account, order: { authorizations: missing } })
    const answers = await Promise.all(
      authorizations.map(async (authorization) => {
        const challenge = chooseChallenge(acme, authorization)
        // A standing record is nobody's leftover, and what the CA was never shown was not waited for either.
        if (typeof challenge === 'string' || challenge.type === 'dns-persist-01' || challenge.token === undefined)
          return []
        return [await answerFor(acme, { account, authorization, challenge, signal: ref.signal })]
      }),
    )
    return answers.flat()
  } catch (error) {
    if (ref.signal.aborted) throw error
    acme.host.log.warn('what was published for an order cannot be found out; it may be left behind', {
      reason: messageOf(error),
    })
    return []
  }
}

async function keepInMind({ host }: Acme, answer: Published, error: unknown): Promise<void> {
  host.log.warn('an answer to a challenge could not be withdrawn; it is tried again later', {
    name: answer.name,
    kind: answer.kind,
    reason: messageOf(error),
  })
  const digest = createHash('sha256').update(JSON.stringify(answer)).digest('hex').slice(0, 32)
  await host.state.put(`${leftoverPrefix}${digest}`, answer, { expiresAt: new Date(host.now().getTime() + monthMs) })
}

/** Tries again what could not be withdrawn, each for itself; what still cannot be is tried the next time. */
export async function withdrawLeftovers(acme: Acme, signal: AbortSignal): Promise<void> {
  for await (const { key, value } of acme.host.state.list(leftoverPrefix)) {
    const answer = readPublished(value)
    try {
      if (answer !== undefined) await withdraw(acme, answer, signal)
      await acme.host.state.delete(key)
    } catch (error) {
      if (signal.aborted) throw error
      acme.host.log.warn('an answer to a challenge still cannot be withdrawn; take it away by hand where it stays so', {
        name: answer?.name,
        reason: messageOf(error),
      })
    }
  }
}
