import { type ChallengeListeners, createChallengeListeners, isAnswered } from '@certctl/challenges'
import { type ChallengeAnswer, messageOf } from '@certctl/core'
import { createShared } from '@certctl/kit'
import type { Services } from '../../services.js'
import { oneHandshake } from '../../store/challenges.js'
import { violatedUnique } from '../../store/database-error.js'
import { publishToAgents, withdrawFromAgents } from './agents-answers.js'
import { answerOf, type Challenge, challengeOf, rowOf } from './challenge-row.js'

/** Where issuers leave their answers to challenges. Answers are rows: whoever of the copies is asked by the CA gives them. */
export interface ChallengeDesk {
  /** `published`: this copy gives the answer now (or whoever holds the port does), and the others were told. `waiting`: agents have not confirmed yet, or another answer holds the name. */
  publish(instance: string, answer: ChallengeAnswer): Promise<'published' | 'waiting'>
  withdraw(instance: string, answer: ChallengeAnswer): Promise<void>
  /** Gives what other copies publish, too, from now on. */
  start(): void
  close(): Promise<void>
}

type Needs = Pick<Services, 'store' | 'clock' | 'log' | 'wakes' | 'config'>

// A wake-up may be lost; and a port that another copy on this machine held may be free.
const lookEveryMs = 5000
const tryAgainMs = 1000

/** A part of the server that runs on each copy. */
export function createChallengeDesk(services: Needs): ChallengeDesk {
  const { store, clock, config } = services
  const host = config.challenge_host
  const listeners = createChallengeListeners({ host, now: () => clock.now(), lookAgain: async () => await look() })
  const shared = createShared()
  const look = async (): Promise<void> =>
    await shared('look', async () => {
      const rows = await store.challenges.listServed(clock.now())
      await listeners.serve(rows.map(answerOf))
    })
  const watch = createWatch(services, { look, listeners })

  return {
    async publish(instance, given) {
      const challenge = challengeOf(instance, given)
      if (given.by === 'agents') return await unlessHeld(async () => await publishToAgents(services, challenge))
      return await unlessHeld(async () => {
        await keep(services, challenge)
        await look()
        const fault = listeners.faultOf(challenge.answer)
        if (fault === undefined || (await isAnswered(challenge.answer, host))) return 'published'
        throw fault
      })
    },
    async withdraw(instance, given) {
      const challenge = challengeOf(instance, given)
      if (given.by === 'agents') return await withdrawFromAgents(services, challenge)
      await store.transaction(async (tx) => {
        await tx.challenges.remove(challenge.id)
        tx.wake('challenge', challenge.id)
      })
      await look()
    },
    start: () => watch.start(),
    async close() {
      watch.stop()
      await listeners.close()
    },
  }
}

async function keep({ store }: Needs, challenge: Challenge): Promise<void> {
  await store.transaction(async (tx) => {
    const row = rowOf(challenge, tx.now)
    await tx.challenges.removeEnded(row, tx.now)
    await tx.challenges.put(row)
    tx.wake('challenge', row.id)
  })
}

/** RFC 8737: a server name has one certificate at a time. Whoever comes second waits until the first is done. */
async function unlessHeld(publish: () => Promise<'published' | 'waiting'>): Promise<'published' | 'waiting'> {
  try {
    return await publish()
  } catch (error) {
    if (violatedUnique(error) === oneHandshake) return 'waiting'
    throw error
  }
}

/** Looks when another copy says so, and by itself. */
function createWatch(
  { wakes, log }: Needs,
  { look, listeners }: { look: () => Promise<void>; listeners: ChallengeListeners },
): { start(): void; stop(): void } {
  const told = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let off: () => void = () => undefined
  const lookAndTell = async (): Promise<void> => {
    try {
      await look()
      for (const fault of listeners.faults()) {
        if (!told.has(fault.message)) log.error({}, fault.message)
        told.add(fault.message)
      }
      if (listeners.faults().length === 0) told.clear()
    } catch (error) {
      log.warn({ reason: messageOf(error) }, 'the answers to challenges could not be read')
    }
  }
  const again = (): void => {
    const pauseMs = listeners.faults().length > 0 ? tryAgainMs : lookEveryMs
    timer = setTimeout(() => void lookAndTell().finally(() => timer !== undefined && again()), pauseMs).unref()
  }
  return {
    start() {
      off = wakes.on('challenge', () => void lookAndTell())
      void lookAndTell()
      again()
    },
    stop() {
      off()
      clearTimeout(timer)
      timer = undefined
    },
  }
}
