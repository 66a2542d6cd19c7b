import { setTimeout as delay } from 'node:timers/promises'

const longestPauseMs = 250

/**
 * Asks until the answer is something, at most for so many seconds, and once more after them: a machine that stood still in between
 * has had no chance to answer. The error says what was waited for and what was seen last. Pauses grow: who asks all the time takes the
 * machine from those that are asked.
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  let last: unknown
  for (let pause = 25; ; pause = Math.min(pause * 1.5, longestPauseMs)) {
    const isLast = performance.now() > end
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (isLast) throw new Error(`waited ${seconds} s: ${what}`, { cause: last })
    await delay(pause)
  }
}
