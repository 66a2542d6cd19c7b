import { CertctlError } from '@certctl/core'
import type { Services } from '../services.js'

const limitMs = 2000

/** Rejects when the database does not answer within two seconds. */
export async function pingDatabase({ store, clock }: Pick<Services, 'store' | 'clock'>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const fail = () => reject(new CertctlError('upstream_unavailable', 'The database did not answer within 2 s'))
    timer = setTimeout(fail, limitMs)
  })
  try {
    await Promise.race([store.servers.listAlive(clock.now()), late])
  } finally {
    clearTimeout(timer)
  }
}
