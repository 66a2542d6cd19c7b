import { createHash } from 'node:crypto'

/** What happened, in words that are the same in every run of a seed: names and counts, never random ids. */
export interface Journal {
  note(text: string): void
  /** The newest ones, oldest first. */
  last(): readonly string[]
  count(): number
  /** Over all lines so far: equal for two runs that did the same. */
  hash(): string
}

const kept = 50

export function createJournal(now: () => number): Journal {
  const digest = createHash('sha256')
  const ring: string[] = []
  let count = 0
  return {
    note(text) {
      const line = `${new Date(now()).toISOString()} ${text}`
      digest.update(`${line}\n`)
      ring.push(line)
      if (ring.length > kept) ring.shift()
      count += 1
    },
    last: () => [...ring],
    count: () => count,
    hash: () => digest.copy().digest('hex'),
  }
}
