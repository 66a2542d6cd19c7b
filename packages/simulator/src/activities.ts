import type { Agenda } from './agenda.js'

/** Work that takes virtual time in its middle, such as a call to a slow CA, one piece of it at a time. */
export interface Activities {
  /** Begins it, and resolves when it has ended or waits for a later moment. */
  begin(work: () => Promise<void>): Promise<void>
  /** Called from inside an activity: it goes on so many virtual seconds later. */
  pause(seconds: number): Promise<void>
}

interface Activity {
  /** Somebody waits for it to end or to pause. */
  yielded(): void
}

/** Only one piece runs at any moment, so that every run of a seed does the same in the same order. */
export function createActivities(agenda: Agenda): Activities {
  let current: Activity | undefined

  const untilYielded = async (activity: Activity, go: () => void): Promise<void> => {
    await new Promise<void>((resolve) => {
      activity.yielded = resolve
      current = activity
      go()
    })
    current = undefined
  }

  return {
    async begin(work) {
      const activity: Activity = { yielded: () => undefined }
      let failure: unknown
      await untilYielded(activity, () => {
        work()
          .catch((error: unknown) => {
            failure = error
          })
          .finally(() => activity.yielded())
      })
      if (failure !== undefined) throw failure
    },
    async pause(seconds) {
      const activity = current
      if (activity === undefined) throw new Error('only an activity can pause')
      await new Promise<void>((resume) => {
        agenda.after(seconds, async () => await untilYielded(activity, resume))
        activity.yielded()
      })
    },
  }
}
