import { getMaxListeners } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { widelyHeard } from '../src/widely-heard.js'

describe('a signal that many wait for', () => {
  it('is heard by all of them', () => {
    const ending = widelyHeard()
    let heard = 0
    for (let index = 0; index < 1000; index += 1)
      ending.signal.addEventListener('abort', () => (heard += 1), { once: true })
    ending.abort()
    expect(heard).toBe(1000)
  })

  it('is taken for no leak, however many they are', () => {
    expect(getMaxListeners(widelyHeard().signal)).toBe(Number.POSITIVE_INFINITY)
    // An ordinary signal is warned of from the eleventh on.
    expect(getMaxListeners(new AbortController().signal)).toBe(10)
  })
})
