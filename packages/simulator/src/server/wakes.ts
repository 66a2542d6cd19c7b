import type { Store, Tx } from '../../../../apps/server/src/store/store.js'
import type { WakeChannel } from '../../../../apps/server/src/store/wake.js'

export type OnWake = (channel: WakeChannel, subject: string) => void

/** Replaces parts of what a transaction can do: how a rule is made wrong without a wrong line in the server. */
export type ChangeTx = (tx: Tx) => Tx

/** The server's store, with wake-ups that are heard at the commit, in order, instead of when a second connection brings them. */
export function withWakes(store: Store, { onWake, change }: { onWake: OnWake; change?: ChangeTx | undefined }): Store {
  return {
    ...store,
    async transaction(work) {
      const heard = new Map<string, readonly [WakeChannel, string]>()
      const result = await store.transaction(async (tx) => {
        heard.clear()
        const wake: Tx['wake'] = async (channel, subject) => void heard.set(`${channel} ${subject}`, [channel, subject])
        const plain = { ...tx, wake }
        return await work(change === undefined ? plain : change(plain))
      })
      for (const [channel, subject] of heard.values()) onWake(channel, subject)
      return result
    },
  }
}
