import { createHash } from 'node:crypto'
import { createChallengeListeners, isAnswered, type LiveAnswer, liveAnswer } from '@certctl/challenges'
import type { ChallengeRecord, Records } from './journal.js'
import type { AgentLog } from './log.js'

/** What this host answers to CAs. Kept in the journal, so that a restart in the middle of a validation is not noticed outside. */
export interface Challenges {
  /** Answers from now until then. Rejects where the port cannot be had; nothing is kept then. */
  give(answer: LiveAnswer, until: Date): Promise<void>
  /** Harmless where nothing is given. */
  withdraw(answer: LiveAnswer): Promise<void>
  /** Goes on with what was given before a restart. */
  resume(): Promise<void>
  /** Closes the ports; what is given is remembered. */
  close(): Promise<void>
}

export interface ChallengesOptions {
  records: Records<ChallengeRecord>
  host: string | undefined
  log: AgentLog
  now(): Date
}

const longestPauseMs = 60_000
/** Another program that took the port while the agent was away may give it back. */
const tryAgainMs = 5000

export function createChallenges({ records, host, log, now }: ChallengesOptions): Challenges {
  const given = new Map<string, { answer: LiveAnswer; until: Date }>()
  const listeners = createChallengeListeners({ host, now })
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  const settle = async (): Promise<void> => {
    for (const [key, { until }] of given) if (until.getTime() <= now().getTime()) await forget(key)
    clearTimeout(timer)
    if (isClosed) return
    await listeners.serve([...given.values()].map(({ answer }) => answer))
    if (given.size > 0) timer = setTimeout(() => void settleLoudly(), pauseMs()).unref()
  }
  const settleLoudly = async (): Promise<void> => {
    await settle().catch((error: unknown) =>
      log.error('the answers to challenges could not be settled', { reason: String(error) }),
    )
  }
  const forget = async (key: string): Promise<void> => {
    given.delete(key)
    await records.drop(key)
  }
  const pauseMs = (): number => {
    if (listeners.faults().length > 0) return tryAgainMs
    const ends = [...given.values()].map(({ until }) => until.getTime() - now().getTime())
    return Math.max(0, Math.min(longestPauseMs, ...ends))
  }

  return {
    async give(answer, until) {
      const key = keyOf(answer)
      given.set(key, { answer, until })
      await records.put(key, recordOf(answer, until))
      await settle()
      const fault = listeners.faultOf(answer)
      if (fault === undefined || (await isAnswered(answer, host))) return
      await forget(key)
      await settle()
      throw fault
    },
    async withdraw(answer) {
      await forget(keyOf(answer))
      await settle()
    },
    async resume() {
      for (const record of await records.all()) {
        const { token = undefined, key_authorization, expires_at, ...rest } = record
        const answer = liveAnswer({ ...rest, token, keyAuthorization: key_authorization })
        given.set(keyOf(answer), { answer, until: new Date(expires_at) })
      }
      await settle()
      for (const fault of listeners.faults()) log.error(fault.message)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await listeners.close()
    },
  }
}

function keyOf({ kind, name, port, token, keyAuthorization }: LiveAnswer): string {
  const identity = JSON.stringify([kind, name, port, token ?? null, keyAuthorization])
  return createHash('sha256').update(identity).digest('hex')
}

function recordOf({ kind, name, port, token, keyAuthorization }: LiveAnswer, until: Date): ChallengeRecord {
  return { kind, name, port, token, key_authorization: keyAuthorization, expires_at: until.toISOString() }
}
