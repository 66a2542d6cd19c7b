import { describe, expect, it } from '@jest/globals'
import { createCoalescer, type Outcome } from '../../../src/store/transactions/coalescer.js'

/** Work is a number; a batch is noted, and ends when the test says so. */
function createBench({
  writers = 1,
  spare = 0,
  limit = 8,
  refuse = (_work: number): boolean => false,
  breaks = (_work: number): boolean => false,
} = {}) {
  const batches: number[][] = []
  let hold: Promise<void> = Promise.resolve()
  const coalescer = createCoalescer<number>({
    writers,
    spare,
    limit,
    async attempt(batch): Promise<readonly Outcome[]> {
      batches.push([...batch])
      await hold
      if (batch.some(breaks)) throw new Error('one of them broke it')
      return batch.map((work) =>
        refuse(work) ? { ok: false, error: new Error(`not ${work}`) } : { ok: true, value: work * 2 },
      )
    },
  })
  const run = async (work: number, key = String(work)) => await coalescer.run(key.padStart(3, '0'), work)
  return {
    batches,
    run,
    /** Keeps batches from ending until what is returned is called. */
    block(): () => void {
      let release: () => void = () => undefined
      hold = new Promise((resolve) => {
        release = resolve
      })
      return release
    },
  }
}

describe('the coalescer', () => {
  it('takes one at once when nothing is under way, and all that waited when a writer is free', async () => {
    const { run, batches, block } = createBench()
    const release = block()
    const all = [1, 2, 3, 4].map(async (work) => await run(work))
    release()
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8])
    expect(batches).toEqual([[1], [2, 3, 4]])
  })

  it('never takes more than its limit at once', async () => {
    const { run, batches } = createBench({ limit: 3 })
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (work) => await run(work)))
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(3)
    expect(batches.flat()).toHaveLength(8)
  })

  it('has one of a key under way, whichever writer is free', async () => {
    const { run, batches, block } = createBench({ writers: 2 })
    const release = block()
    const all = [run(1, 'k'), run(2, 'k'), run(3, 'other'), run(4, 'k')]
    expect(batches).toEqual([[1], [3]])
    release()
    await Promise.all(all)
    expect(batches).toEqual([[1], [3], [2], [4]])
  })

  it('does a batch again without the one that refused', async () => {
    const { run, batches } = createBench({ refuse: (work) => work === 3 })
    const settled = await Promise.allSettled([0, 1, 2, 3, 4].map(async (work) => await run(work)))
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true])
    expect(batches).toEqual([[0], [1, 2, 3, 4], [1, 2, 4], [3]])
  })

  it('looks for the one that broke a batch in halves, and fails it alone', async () => {
    const { run, batches } = createBench({ breaks: (work) => work === 3 })
    const settled = await Promise.allSettled([0, 1, 2, 3, 4].map(async (work) => await run(work)))
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, true, true, false, true])
    expect(batches).toEqual([[0], [1, 2, 3, 4], [1, 2], [3, 4], [3], [4]])
  })

  it('goes on with others while a batch waits for something, as far as there are spare ones', async () => {
    const { run, batches, block } = createBench({ spare: 1 })
    const release = block()
    const all = [run(1), run(2)]
    await untilTrue(() => batches.length === 2)
    const late = run(3)
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(batches).toEqual([[1], [2]])
    release()
    expect(await Promise.all([...all, late])).toEqual([2, 4, 6])
  })

  it('goes on after all of it failed', async () => {
    const { run } = createBench({ breaks: (work) => work < 10 })
    await Promise.allSettled([1, 2, 3].map(async (work) => await run(work)))
    expect(await run(10)).toBe(20)
  })
})

async function untilTrue(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    if (turns > 500) throw new Error('it never came true')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
