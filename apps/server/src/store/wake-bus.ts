import { setTimeout as wait } from 'node:timers/promises'
import { messageOf } from '@certctl/core'
import pg from 'pg'
import { connectionOf, type DatabaseAddress } from './database.js'
import { type WakeBus, type WakeChannel, wakeChannels } from './wake.js'

export interface WakeBusOptions {
  address: DatabaseAddress
  log: { warn(fields: object, message: string): void }
}

const longestPauseMs = 5000

/** Listens on one connection of its own, and connects again for as long as it takes when that is lost. Resolves once it listens. */
export async function createWakeBus({ address, log }: WakeBusOptions): Promise<WakeBus> {
  const listeners = new Map<WakeChannel, Set<(subject: string) => void>>()
  const closing = new AbortController()
  let client = await listen({ address, onWake, onEnd })
  let reconnecting: Promise<void> = Promise.resolve()

  function onWake(channel: string, subject: string): void {
    const known = wakeChannels.find((name) => `certctl_${name}` === channel)
    if (known !== undefined) tellHere(known, subject)
  }

  function tellHere(channel: WakeChannel, subject: string): void {
    for (const listener of listeners.get(channel) ?? []) listener(subject)
  }

  function onEnd(): void {
    if (!closing.signal.aborted) reconnecting = reconnect()
  }

  async function reconnect(): Promise<void> {
    for (let pause = 100; !closing.signal.aborted; pause = Math.min(2 * pause, longestPauseMs)) {
      try {
        client = await listen({ address, onWake, onEnd })
        return
      } catch (error) {
        log.warn({ error: messageOf(error) }, 'wake-ups are not heard: the database does not answer')
        await wait(pause, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }

  return {
    on(channel, listener) {
      const set = listeners.get(channel) ?? new Set()
      listeners.set(channel, set.add(listener))
      return () => void set.delete(listener)
    },
    tellHere,
    async close() {
      closing.abort()
      await reconnecting
      await client.end().catch(() => undefined)
    },
  }
}

interface ListenOptions {
  address: DatabaseAddress
  onWake(channel: string, subject: string): void
  onEnd(): void
}

async function listen({ address, onWake, onEnd }: ListenOptions): Promise<pg.Client> {
  const client = new pg.Client({ ...connectionOf(address), connectionTimeoutMillis: 15_000 })
  // `end` follows every error of a connected client, and is what acts.
  client.on('error', () => undefined)
  client.on('notification', ({ channel, payload = '' }) => onWake(channel, payload))
  try {
    await client.connect()
    await client.query(wakeChannels.map((name) => `listen certctl_${name}`).join('; '))
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  client.once('end', onEnd)
  return client
}
