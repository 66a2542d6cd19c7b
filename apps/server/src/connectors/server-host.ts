import type { Host, IssuerHost } from '@certctl/core'
import { createNodeHost, systemClock } from '@certctl/kit'
import type { Services } from '../services.js'
import type { Concealer } from './concealer.js'
import { connectorLog } from './connector-log.js'
import { createRowStateStore } from './row-state-store.js'

type Needs = Pick<Services, 'store' | 'sealing' | 'clock' | 'log' | 'server'>

export interface HostOwner {
  /** The configured instance. */
  id: string
  /** Whose sealed state it has, where that is not the instance's own. */
  stateId?: string | undefined
  conceal: Concealer
}

/** The host of one configured instance: its state is rows that all copies of the server share. */
export function createServerHost(services: Needs, { id, stateId = id, conceal }: HostOwner): Host {
  return createNodeHost({
    instance: { id, publicUrl: services.server.publicUrl },
    state: createRowStateStore(services, stateId),
    log: connectorLog(services.log, id, conceal),
    clock: { now: () => services.clock.now(), delay: systemClock.delay },
  })
}

/** What an issuer gets besides: somebody who answers challenges for it, and DNS providers. */
export function createIssuerHost(
  { challenges }: Pick<Services, 'challenges'>,
  { host, dns }: { host: Host; dns: IssuerHost['dns'] },
): IssuerHost {
  const { id } = host.instance
  return {
    ...host,
    challenges: {
      publish: async (answer) => await challenges.publish(id, answer),
      withdraw: async (answer) => await challenges.withdraw(id, answer),
    },
    dns,
  }
}
