import { messageOf, type OrderOutcome, type OrderRef } from '@certctl/core'
import type { Acme } from '../acme.js'
import { recordFailures } from '../budget/failures.js'
import { shown } from '../transport/problem.js'
import { readAuthorizations } from './authorize.js'
import { type Authorization, failureOf, type Order } from './order.js'
import { type Ended, withdrawAll } from './withdraw-all.js'

interface GivenUp extends Ended {
  ref: OrderRef
  status: 'invalid' | 'expired'
  /** Ours; absent: the CA ended it, and its authorizations say why. */
  reason?: string | undefined
}

/** Ends an order that cannot succeed: says why, takes back what was published, and gives back what still counts against the CA's limits. */
export async function giveUp(acme: Acme, given: GivenUp): Promise<OrderOutcome> {
  const { ref, account, order, status, reason } = given
  const authorizations = await readAuthorizations({ account, order })
  const failed = authorizations.filter((authorization) => authorization.status === 'invalid')
  await recordFailures(acme, failed)
  await withdrawAll(acme, given)
  await deactivate(acme, given, authorizations)
  return { status, orderId: ref.orderId, reason: reason ?? reasonOf(order, failed) }
}

/** A hundred names may fail with a long word each. */
const longestReason = 4000

function reasonOf({ error }: Order, failed: readonly Authorization[]): string {
  const own = error === undefined ? [] : [`${error.type.split(':').at(-1)}: ${shown(error.detail)}`]
  // Pebble and others repeat the word of an authorization as that of the order.
  const ofNames = failed.map(failureOf)
  const isRepeated = error !== undefined && ofNames.some((text) => text.includes(shown(error.detail)))
  const all = [...(isRepeated ? [] : own), ...ofNames]
  return all.length === 0 ? 'The CA ended the order and does not say why' : all.join('; ').slice(0, longestReason)
}

async function deactivate(
  acme: Acme,
  { account, ref }: GivenUp,
  authorizations: readonly Authorization[],
): Promise<void> {
  for (const { url, identifier } of authorizations.filter(({ status }) => status === 'pending')) {
    try {
      await account.signer.post(url, { status: 'deactivated' }, 'the end of an authorization')
    } catch (error) {
      if (ref.signal.aborted) throw error
      acme.host.log.warn('an authorization that is not needed stays open until it expires', {
        name: identifier.value,
        reason: messageOf(error),
      })
    }
  }
}
