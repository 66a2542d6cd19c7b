import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { SimulationPostgres } from '../src/database.js'
import { runSeed } from '../src/run-seed.js'
import type { Scenario } from '../src/scenario.js'
import type { Tampering } from '../src/tampering.js'
import { startTestPostgres } from './postgres.js'
import { smallWorld } from './small-world.js'
import { alertsOnce } from './wrong-rules/alerts-once.js'
import { deploymentAsEvent } from './wrong-rules/deployment-as-event.js'
import { failuresAreFinal } from './wrong-rules/failures-are-final.js'
import { fixedWindow } from './wrong-rules/fixed-window.js'
import { noFence } from './wrong-rules/no-fence.js'
import { noPauses } from './wrong-rules/no-pauses.js'
import { oneKeyFile } from './wrong-rules/one-key-file.js'
import { windowsAskedOnce, windowsUnheard } from './wrong-rules/windows-unheard.js'

let postgres: SimulationPostgres
beforeAll(async () => {
  postgres = await startTestPostgres()
})
afterAll(async () => await postgres.stop())

const minutes = 60_000

describe('a world like this', () => {
  const fortnight = { lifetimes: [15], distrusts: 0 }

  it.each([{}, { ...fortnight, certificates: 24 }])(
    'holds with the rules as they are, and plays again exactly as it was: %j',
    async (changes) => {
      const first = await runSeed({ scenario: smallWorld(changes), postgres: postgres.url })
      expect(first.violation).toBeUndefined()
      expect(first.figures.issued).toBeGreaterThan(40)
      const second = await runSeed({ scenario: smallWorld(changes), postgres: postgres.url })
      expect({ events: second.events, hash: second.hash }).toEqual({ events: first.events, hash: first.hash })
    },
    30 * minutes,
  )

  const wrong: [Tampering, readonly string[], Partial<Scenario>?][] = [
    [fixedWindow, ['renewsWhenDue', 'rateLimits']],
    [failuresAreFinal, ['nothingIsStuck', 'servesInTime']],
    [alertsOnce, ['failuresAreVisible']],
    [deploymentAsEvent, ['nothingIsStuck', 'servesInTime']],
    [noFence, ['onlyTheHolderSettles']],
    [noPauses, ['pausesBetweenTries'], { caOutages: 8 }],
    [oneKeyFile, ['keepsItsKey']],
    [windowsUnheard, ['renewsAsItsCaAsks'], fortnight],
    [windowsAskedOnce, ['renewsAsItsCaAsks'], fortnight],
  ]

  it.each(wrong.map(([tampering, invariants, changes]) => ({ name: tampering.name, tampering, invariants, changes })))(
    'does not hold where $name',
    async ({ tampering, invariants, changes }) => {
      const { violation } = await runSeed({ scenario: smallWorld(changes), postgres: postgres.url, tampering })
      expect(invariants).toContain(violation?.invariant)
    },
    15 * minutes,
  )
})
