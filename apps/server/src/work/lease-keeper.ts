import { messageOf } from '@certctl/core'
import type { Services } from '../services.js'

export interface LeaseKeeper {
  /** Prolongs this lease until the returned function is called. */
  keep(lease: string): () => void
  close(): void
}

/** Prolongs the leases of what this process is doing, all at once, well before they end. */
export function createLeaseKeeper(services: Services, leaseSeconds: number): LeaseKeeper {
  const leases = new Set<string>()
  const prolong = async (): Promise<void> => {
    if (leases.size === 0) return
    const until = new Date(services.clock.now().getTime() + leaseSeconds * 1000)
    await services.store.jobs.prolong([...leases], until)
  }
  const timer = setInterval(
    () => {
      prolong().catch((error: unknown) =>
        services.log.warn({ reason: messageOf(error) }, 'leases could not be prolonged'),
      )
    },
    (leaseSeconds * 1000) / 4,
  )
  timer.unref()
  return {
    keep(lease) {
      leases.add(lease)
      return () => void leases.delete(lease)
    },
    close: () => clearInterval(timer),
  }
}
