import { CertctlError, type Host, type IssuerHost } from '@certctl/core'
import { createNodeHost, systemClock } from '@certctl/kit'
import type { Services } from '../services.js'
import type { Concealer } from './concealer.js'
import { connectorLog } from './connector-log.js'
import { createRowStateStore } from './row-state-store.js'

type Needs = Pick<Services, 'store' | 'sealing' | 'clock' | 'log' | 'server'>
type IssuerNeeds = Needs & Pick<Services, 'challenges'>

/** The host of one configured instance: its state is rows that all copies of the server share. */
export function createServerHost(services: Needs, instance: string, conceal: Concealer): Host {
  return createNodeHost({
    instance: { id: instance, publicUrl: services.server.publicUrl },
    state: createRowStateStore(services, instance),
    log: connectorLog(services.log, instance, conceal),
    clock: { now: () => services.clock.now(), delay: systemClock.delay },
  })
}

/** What an issuer gets besides: somebody who answers challenges for it. */
export function createIssuerHost(services: IssuerNeeds, instance: string, conceal: Concealer): IssuerHost {
  const refuse = async (what: string): Promise<never> => {
    throw new CertctlError('unsupported', `${instance}: this version of the server ${what}`)
  }
  return {
    ...createServerHost(services, instance, conceal),
    challenges: {
      publish: async (answer) => await services.challenges.publish(instance, answer),
      withdraw: async (answer) => await services.challenges.withdraw(instance, answer),
    },
    dns: async () => await refuse('has no DNS providers'),
  }
}
