import type { Store, Tx } from '../../../../apps/server/src/store/store.js'
import type { WakeChannel } from '../../../../apps/server/src/store/wake.js'

export type OnWake = (channel: WakeChannel, subject: string) => void

/** Replaces parts of what a transaction can do: how a rule is made wrong without a wrong line in the server. */
export type ChangeTx = (tx: Tx) => Tx

/** The server's store, with wake-ups that are heard at the commit, in order, instead of when a second connection brings them. */
export function withWakes(store: Store, { onWake, change }: { onWake: OnWake; change?: ChangeTx | undefined }): Store {
  /** The work, with wake-ups noted, and what says them once it is committed. */
  const heard = <T>(work: (tx: Tx) => Promise<T>) => {
    const notes = new Map<string, readonly [WakeChannel, string]>()
    return {
      async work(tx: Tx): Promise<T> {
        notes.clear()
        const wake: Tx['wake'] = (channel, subject) => void notes.set(`${channel} ${subject}`, [channel, subject])
        const plain = Object.assign(Object.create(tx) as Tx, { wake })
        return await work(change === undefined ? plain : change(plain))
      },
      say(): void {
        for (const [channel, subject] of notes.values()) onWake(channel, subject)
      },
    }
  }
  return Object.assign(Object.create(store) as Store, {
    async transaction<T>(work: (tx: Tx) => Promise<T>) {
      const noted = heard(work)
      const result = await store.transaction(noted.work)
      noted.say()
      return result
    },
    async together<T>(key: string, work: (tx: Tx) => Promise<T>) {
      const noted = heard(work)
      const result = await store.together(key, noted.work)
      noted.say()
      return result
    },
  })
}
