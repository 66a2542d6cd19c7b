import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import pino from 'pino'
import { inLanes } from '../src/in-lanes.js'
import { createGate } from './lifecycle/fake-ca.js'
import { until } from './races/steps.js'

const log = pino({ level: 'silent' })
const { signal } = new AbortController()

/** Things that are due, each by its lane alone. */
function takeFrom(due: string[]) {
  return async (full: readonly string[]) => {
    const next = due.findIndex((lane) => !full.includes(lane))
    return next < 0 ? undefined : due.splice(next, 1)[0]
  }
}

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

it('has room for a lane in which nothing is under way, however many others are filled by what hangs', async () => {
  const underWay: string[] = []
  const done: string[] = []
  const gate = createGate()
  const working = inLanes(
    { log },
    {
      what: 'a test',
      take: takeFrom(['a', 'a', 'a', 'b', 'b', 'b', 'c', 'c', 'd']),
      laneOf: (lane) => lane,
      async work(lane) {
        underWay.push(lane)
        if (lane !== 'd') await gate.pass()
        done.push(lane)
      },
      atOnce: 4,
      perLane: 2,
      signal,
    },
  )
  await until(async () => done.includes('d'), 'the lane that answers has its turn')
  expect(underWay).toEqual(['a', 'a', 'b', 'b', 'c', 'd'])
  gate.release()
  await working
  expect(done).toHaveLength(9)
})

it('works off what is due in more lanes than fit without a pause, beside one that hangs', async () => {
  const others = Array.from({ length: 200 }, (_, number) => `lane ${number % 5}`)
  const gate = createGate()
  let done = 0
  const began = performance.now()
  const working = inLanes(
    { log },
    {
      what: 'a test',
      take: takeFrom(['silent', 'silent', ...others]),
      laneOf: (lane) => lane,
      async work(lane) {
        await (lane === 'silent' ? gate.pass() : pause(1))
        done += 1
      },
      atOnce: 8,
      perLane: 2,
      signal,
    },
  )
  await until(async () => done === others.length, 'all that can be done is')
  expect(performance.now() - began).toBeLessThan(20_000)
  gate.release()
  await working
})
