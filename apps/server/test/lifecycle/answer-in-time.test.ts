import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { answerInTime } from '../../src/lifecycle/order/answer-in-time.js'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

const forever = () => new Promise<never>(() => undefined)

describe('a side that is asked', () => {
  it('is heard when it answers in time, and leaves nothing behind', async () => {
    const answer = answerInTime(async () => 'here', { seconds: 5, signal: new AbortController().signal })
    expect(await answer).toBe('here')
    expect(jest.getTimerCount()).toBe(0)
  })

  it('is told to stop when its time is over, and its own words are heard where it obeys', async () => {
    const answer = answerInTime(
      async (signal) =>
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('I was at step 3')))
        }),
      { seconds: 5, signal: new AbortController().signal },
    )
    answer.catch(() => undefined)
    await jest.advanceTimersByTimeAsync(5000)
    await expect(answer).rejects.toThrow('I was at step 3')
  })

  it('is given up where it does not obey, so that nothing waits for ever', async () => {
    const answer = answerInTime(forever, { seconds: 5, signal: new AbortController().signal })
    answer.catch(() => undefined)
    await jest.advanceTimersByTimeAsync(15_000)
    await expect(answer).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('is given up soon where the caller wants it to end', async () => {
    const stop = new AbortController()
    const answer = answerInTime(forever, { seconds: 500, signal: stop.signal })
    answer.catch(() => undefined)
    stop.abort()
    await jest.advanceTimersByTimeAsync(10_000)
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
  })

  it('is given up soon where the caller wanted it to end before it was asked', async () => {
    const answer = answerInTime(forever, { seconds: 500, signal: AbortSignal.abort() })
    answer.catch(() => undefined)
    await jest.advanceTimersByTimeAsync(10_000)
    await expect(answer).rejects.toMatchObject({ code: 'aborted' })
  })

  it('leaves nothing with a signal that outlives it', async () => {
    const stop = new AbortController()
    await answerInTime(async () => 'here', { seconds: 5, signal: stop.signal })
    stop.abort()
    expect(jest.getTimerCount()).toBe(0)
  })

  it('is still heard by somebody when it answers after it was given up', async () => {
    let late: string | undefined
    const answer = answerInTime(
      async () => await new Promise<string>((resolve) => setTimeout(() => resolve('late'), 60_000)),
      {
        seconds: 5,
        signal: new AbortController().signal,
        onLate: (heard) => {
          late = heard
        },
      },
    )
    answer.catch(() => undefined)
    await jest.advanceTimersByTimeAsync(15_000)
    await expect(answer).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await jest.advanceTimersByTimeAsync(60_000)
    expect(late).toBe('late')
  })
})
