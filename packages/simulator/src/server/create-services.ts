import { type Registry, Secret } from '@certctl/core'
import { pino } from 'pino'
import { createSealing } from '../../../../apps/server/src/access/sealing.js'
import { readConfig } from '../../../../apps/server/src/config.js'
import { createChallengeDesk } from '../../../../apps/server/src/connectors/challenges/challenge-desk.js'
import { createConnections } from '../../../../apps/server/src/connectors/connections.js'
import { createMetrics } from '../../../../apps/server/src/metrics.js'
import type { Services } from '../../../../apps/server/src/services.js'
import { type DatabaseAddress, openDatabase } from '../../../../apps/server/src/store/database.js'
import { createStore } from '../../../../apps/server/src/store/store.js'
import type { Agenda } from '../agenda.js'
import type { Random } from '../random.js'
import { type ChangeTx, type OnWake, withWakes } from './wakes.js'

const key = 'a key for simulations only, of more than 32 bytes'

export interface ServicesOptions {
  agenda: Agenda
  random: Random
  address: DatabaseAddress
  registry: Registry
  onWake: OnWake
  onLogged(line: { level: number; msg: string; reason?: string; what?: string }): void
  change?: ChangeTx | undefined
}

/** What the server's parts are handed, with time and chance from the simulation and without edges. */
export function createServices(options: ServicesOptions): Services & { close(): Promise<void> } {
  const { agenda, random, address, registry } = options
  const clock = { now: () => new Date(agenda.now()) }
  const chance = { random: random.next, uuid: random.uuid }
  const { db, close } = openDatabase({ address, maxConnections: 4 })
  const store = withWakes(createStore({ db, clock, chance }), options)
  const parts = {
    config: readConfig({ CERTCTL_CONFIG_ENCRYPTION_KEY: key }),
    store,
    clock,
    chance,
    log: pino({ level: 'error' }, { write: (line: string) => options.onLogged(JSON.parse(line)) }),
    sealing: createSealing([new Secret(key)]),
    registry,
    wakes: { on: () => () => undefined, tellHere: () => undefined, close: async () => undefined },
    metrics: createMetrics(),
    stopping: new AbortController().signal,
    server: { id: 'server-1', version: '0.0.0-simulated', publicUrl: 'https://certctl.test:8443' },
  }
  const challenges = createChallengeDesk(parts)
  const connections = createConnections({ ...parts, challenges })
  return {
    ...parts,
    challenges,
    connections,
    async close() {
      await connections.close()
      await challenges.close()
      await close()
    },
  }
}
