import { confirmRevocation } from '../../../../apps/server/src/lifecycle/revocation/confirm-revocation.js'
import type { World } from '../world.js'

/** What the server's loop does, one after the other: side by side they would end in another order in every run. */
export async function tellOfRevocations({ services }: World, signal: AbortSignal): Promise<void> {
  for (;;) {
    const now = services.clock.now()
    const until = new Date(now.getTime() + 240_000)
    const due = await services.store.revocations.takeDue({ now, until })
    if (due === undefined) return
    await confirmRevocation(services, due, signal)
  }
}
