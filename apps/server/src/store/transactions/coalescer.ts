/** Writes that wait together and are committed together. */
export interface Coalescer<Work> {
  /** Resolves when what was asked is committed; rejects when it, and it alone, failed. */
  run(key: string, work: Work): Promise<unknown>
}

export type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown }

export interface CoalescerOptions<Work> {
  /** How many batches are under way at once. */
  writers: number
  /** How many more, in place of those that take long: whoever waits for a lock must not keep the others waiting. */
  spare?: number | undefined
  /** Most of them in one batch. */
  limit: number
  /** Does all or nothing. Resolves with one outcome for each: where one is not ok, none of them happened, and those at fault are not ok. Rejects where it cannot tell whose fault it was. */
  attempt(batch: readonly Work[]): Promise<readonly Outcome[]>
}

/** A batch takes a few milliseconds; one that takes so long waits for somebody. */
const slowMs = 50

interface Waiting<Work> {
  key: string
  work: Work
  settle(outcome: Outcome): void
}

/**
 * There is no timer: a writer that is free takes what waits, one at once or many. Of one key only one is under way, since what belongs
 * together was written to be done one after the other. A batch that fails is done again without the one that failed, or in halves until
 * that one is found.
 */
export function createCoalescer<Work>({ writers, limit, attempt, spare = 0 }: CoalescerOptions<Work>): Coalescer<Work> {
  let queue: Waiting<Work>[] = []
  let busy = 0
  let slow = 0
  const active = new Set<string>()

  const take = (): Waiting<Work>[] => {
    const keys = new Set(active)
    const taken: Waiting<Work>[] = []
    const left: Waiting<Work>[] = []
    for (const waiting of queue) {
      const isIn = taken.length < limit && !keys.has(waiting.key)
      keys.add(waiting.key)
      if (isIn) taken.push(waiting)
      else left.push(waiting)
    }
    queue = left
    return taken.toSorted((one, other) => (one.key < other.key ? -1 : 1))
  }
  const start = (): void => {
    while (busy < writers) {
      const batch = take()
      if (batch.length === 0) return
      busy += 1
      void write(batch)
    }
  }
  const write = async (batch: readonly Waiting<Work>[]): Promise<void> => {
    let isSlow = false
    const timer = setTimeout(() => {
      if (slow >= spare) return
      isSlow = true
      slow += 1
      busy -= 1
      start()
    }, slowMs)
    for (const { key } of batch) active.add(key)
    await settleAll(batch, attempt)
    for (const { key } of batch) active.delete(key)
    clearTimeout(timer)
    if (isSlow) slow -= 1
    else busy -= 1
    start()
  }

  return {
    run: async (key, work) =>
      await new Promise((resolve, reject) => {
        const settle = (outcome: Outcome): void => (outcome.ok ? resolve(outcome.value) : reject(outcome.error))
        queue.push({ key, work, settle })
        start()
      }),
  }
}

/** Never rejects. */
async function settleAll<Work>(
  batch: readonly Waiting<Work>[],
  attempt: CoalescerOptions<Work>['attempt'],
): Promise<void> {
  if (batch.length === 0) return
  const outcomes = await outcomesOf(batch, attempt)
  if (outcomes === undefined) {
    const middle = Math.ceil(batch.length / 2)
    await settleAll(batch.slice(0, middle), attempt)
    return await settleAll(batch.slice(middle), attempt)
  }
  const failed = batch.filter((_, index) => outcomes[index]?.ok === false)
  if (failed.length === 0 || batch.length === 1) {
    for (const [index, { settle }] of batch.entries()) settle(outcomes[index] ?? { ok: false, error: undefined })
    return
  }
  // Its fault may be another one's doing: what it says alone counts.
  await settleAll(
    batch.filter((waiting) => !failed.includes(waiting)),
    attempt,
  )
  for (const waiting of failed) await settleAll([waiting], attempt)
}

/** `undefined`: it failed as a whole, and there is more than one to blame. */
async function outcomesOf<Work>(
  batch: readonly Waiting<Work>[],
  attempt: CoalescerOptions<Work>['attempt'],
): Promise<readonly Outcome[] | undefined> {
  try {
    return await attempt(batch.map(({ work }) => work))
  } catch (error) {
    return batch.length === 1 ? [{ ok: false, error }] : undefined
  }
}
