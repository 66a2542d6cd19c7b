import { setTimeout as pause } from 'node:timers/promises'
import type { ChallengeAnswer, DnsConnector, IssuerHost, Logger, StateStore, TxtRecord } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState } from '@certctl/testing'
import type { Pebble } from './processes.js'

export interface PebbleHost extends IssuerHost {
  readonly told: { challenges: ChallengeAnswer[]; records: Pick<TxtRecord, 'name' | 'value'>[]; presented: number }
  readonly logged: { level: string; message: string }[]
}

export interface PebbleHostOptions {
  state?: StateStore | undefined
  /** How long a second is: Pebble's own work takes real time, our pauses need not. */
  secondMs?: number | undefined
}

/** A host on the real network whose challenges and records Pebble's own test server answers, and whose pauses are short. */
export function createPebbleHost(pebble: Pebble, { state, secondMs = 20 }: PebbleHostOptions = {}): PebbleHost {
  let ahead = 0
  const now = () => new Date(Date.now() + ahead)
  const logged: PebbleHost['logged'] = []
  const note = (level: string) => (message: string) => void logged.push({ level, message })
  const log: Logger = { debug: note('debug'), info: note('info'), warn: note('warn') }
  const told: PebbleHost['told'] = { challenges: [], records: [], presented: 0 }
  const delay = async (seconds: number, signal: AbortSignal) => {
    await pause(seconds * secondMs, undefined, { signal })
    ahead += seconds * (1000 - secondMs)
  }
  const host = createNodeHost({
    instance: { id: 'iss-acme-test' },
    state: state ?? createMemoryState(now),
    log,
    clock: { now, delay },
  })
  return { ...host, told, logged, challenges: challengesOf(pebble, told), dns: async () => dnsOf(pebble, told) }
}

function challengesOf(pebble: Pebble, told: PebbleHost['told']): IssuerHost['challenges'] {
  return {
    async publish(answer) {
      const { name: host, keyAuthorization: content } = answer
      if (answer.kind === 'http-01') await pebble.tell('/add-http01', { token: answer.token, content })
      else await pebble.tell('/add-tlsalpn01', { host, content })
      told.challenges.push(answer)
      return 'published'
    },
    async withdraw(answer) {
      if (answer.kind === 'http-01') await pebble.tell('/del-http01', { token: answer.token })
      else await pebble.tell('/del-tlsalpn01', { host: answer.name })
      told.challenges = told.challenges.filter(({ keyAuthorization }) => keyAuthorization !== answer.keyAuthorization)
    },
  }
}

function dnsOf(pebble: Pebble, told: PebbleHost['told']): DnsConnector {
  const isSame = (a: Pick<TxtRecord, 'name' | 'value'>, b: Pick<TxtRecord, 'name' | 'value'>) =>
    a.name === b.name && a.value === b.value
  return {
    async present(record) {
      told.presented += 1
      if (told.records.some((other) => isSame(other, record))) return
      told.records.push(record)
      await pebble.tell('/set-txt', { host: `${record.name}.`, value: record.value })
    },
    async cleanUp(record) {
      told.records = told.records.filter((other) => !isSame(other, record))
      await pebble.tell('/clear-txt', { host: `${record.name}.` })
      // Its test server forgets all values of a name at once.
      for (const { name, value } of told.records.filter((other) => other.name === record.name))
        await pebble.tell('/set-txt', { host: `${name}.`, value })
    },
  }
}
