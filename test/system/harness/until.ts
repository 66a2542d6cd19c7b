import { setTimeout as delay } from 'node:timers/promises'

/** Asks until the answer is something, at most for so many seconds; the error says what was waited for and what was seen last. */
export async function until<T>(
  what: string,
  seconds: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + seconds * 1000
  let last: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`waited ${seconds} s: ${what}`, { cause: last })
    await delay(25)
  }
}
