/** An agent that is started may have to be compiled first, on a machine that does other things. */
const patienceSeconds = 180

/** Polls until the question has an answer; fails with what was awaited. */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const giveUpAt = Date.now() + patienceSeconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (Date.now() > giveUpAt) throw new Error(`It did not come about within ${patienceSeconds} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}
