import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks until the answer is something, at most for so many seconds, and once more after them: a machine that stood still in between
 * has had no chance to answer. The error says what was waited for and what was seen last.
 */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  let last: unknown
  for (;;) {
    const isLast = performance.now() > end
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (isLast) throw new Error(`waited ${seconds} s: ${what}`, { cause: last })
    await delay(25)
  }
}
