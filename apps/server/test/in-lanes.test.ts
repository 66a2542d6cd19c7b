import { expect, it } from '@jest/globals'
import pino from 'pino'
import { inLanes } from '../src/in-lanes.js'

const log = pino({ level: 'silent' })
const { signal } = new AbortController()

it('looks past what is due in full lanes once in a while, and not after each that ends', async () => {
  const due = Array.from({ length: 300 }, (_, number) => ({ number, lane: 'only' }))
  const done: number[] = []
  let passedOver = 0
  const began = performance.now()
  await inLanes(
    { log },
    {
      what: 'a test',
      async take(full) {
        if (full.length > 0) passedOver += 1
        return full.includes('only') ? undefined : due.shift()
      },
      laneOf: ({ lane }) => lane,
      work: async ({ number }) => void done.push(number),
      atOnce: 4,
      perLane: 1,
      signal,
    },
  )
  expect(done).toHaveLength(300)
  expect(passedOver).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began) / 1000))
})

it('goes on after what fails, and ends when it is told to', async () => {
  const stopping = new AbortController()
  let left = 5
  await inLanes(
    { log },
    {
      what: 'a test',
      take: async () => ({ number: left }),
      laneOf: ({ number }) => `lane ${number}`,
      async work() {
        left -= 1
        if (left === 0) stopping.abort()
        throw new Error('it fails')
      },
      atOnce: 1,
      perLane: 1,
      signal: stopping.signal,
    },
  )
  expect(left).toBe(0)
})
