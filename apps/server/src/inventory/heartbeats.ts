import type { Services } from '../services.js'
import type { AgentBeat } from '../store/agents.js'

/** Signs of life, collected and written together: an UPDATE each would be most of what the database does. */
export interface Heartbeats {
  beat(beat: Omit<AgentBeat, 'at'>): void
  flush(): Promise<void>
}

export function createHeartbeats({ store, clock }: Pick<Services, 'store' | 'clock'>): Heartbeats {
  let pending = new Map<string, AgentBeat>()
  return {
    beat(beat) {
      pending.set(beat.id, { ...pending.get(beat.id), ...beat, at: clock.now() })
    },
    async flush() {
      const beats = pending
      if (beats.size === 0) return
      pending = new Map()
      try {
        await store.agents.recordBeats([...beats.values()])
      } catch (error) {
        // What came in the meantime is newer.
        pending = new Map([...beats, ...pending])
        throw error
      }
    },
  }
}
