import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { type Bar, holds, type Measured, measure, measureFairly, median, reportOf } from '../../bench/harness.js'

/** A machine whose CPU time is what the sides say they cost, in microseconds. */
function machine(costs: { ours: (call: number) => number; theirs: (call: number) => number }) {
  let used = 0
  const order: string[] = []
  const side = (name: 'ours' | 'theirs') => {
    let calls = 0
    return {
      name,
      run: () => {
        if (order.at(-1) !== name) order.push(name)
        used += costs[name](calls)
        calls += 1
      },
    }
  }
  const bar: Bar = { name: 'test', title: 'a test', ours: side('ours'), theirs: side('theirs'), floor: 8, aim: 12 }
  return { bar, order, options: { sliceSeconds: 0.01, meter: { cpuMicroseconds: () => used } } }
}

const measured = (ratio: number): Measured => {
  const { bar } = machine({ ours: () => 1, theirs: () => 1 })
  return { bar, rounds: [], ours: ratio * 1000, theirs: 1000, ratio }
}

describe('the harness', () => {
  it('lets both sides run in turns, five rounds after one to warm up', async () => {
    const { bar, order, options } = machine({ ours: () => 10, theirs: () => 100 })
    const result = await measure(bar, options)
    expect(order).toEqual(Array.from({ length: 12 }, (_, turn) => (turn % 2 === 0 ? 'ours' : 'theirs')))
    expect(result.rounds).toHaveLength(5)
  })

  it('counts operations per CPU second', async () => {
    const { bar, options } = machine({ ours: () => 10, theirs: () => 100 })
    const result = await measure(bar, options)
    expect(result.ours).toBeCloseTo(100_000, -2)
    expect(result.theirs).toBeCloseTo(10_000, -2)
    expect(result.ratio).toBeCloseTo(10, 1)
  })

  it('does not let one disturbed round decide', async () => {
    // The third counted round of ours meets a neighbour: everything costs twenty times as much.
    const { bar, order, options } = machine({ ours: () => (order.length === 7 ? 200 : 10), theirs: () => 100 })
    const result = await measure(bar, options)
    expect(Math.min(...result.rounds.map(({ ours, theirs }) => ours / theirs))).toBeLessThan(1)
    expect(result.ratio).toBeCloseTo(10, 1)
  })

  it('waits for work that is a promise', async () => {
    let finished = 0
    const { bar, options } = machine({ ours: () => 10, theirs: () => 10 })
    const slow: Bar = {
      ...bar,
      ours: {
        name: 'ours',
        run: async () => {
          bar.ours.run(0)
          await Promise.resolve()
          finished += 1
        },
      },
    }
    await measure(slow, options)
    expect(finished).toBeGreaterThan(0)
  })

  it('tries once more before it calls a bar missed', async () => {
    let isWarm = false
    const { bar, order, options } = machine({ ours: () => (isWarm ? 10 : 100), theirs: () => 100 })
    const turns = {
      ...bar,
      theirs: {
        ...bar.theirs,
        run: (index: number) => {
          if (order.length >= 12) isWarm = true
          return bar.theirs.run(index)
        },
      },
    }
    const result = await measureFairly(turns, options)
    expect(order.length).toBe(24)
    expect(result.ratio).toBeCloseTo(10, 0)
  })

  it('forgives a fifth of the floor, and no more', () => {
    expect([8, 6.5, 6.4].map((ratio) => holds(measured(ratio)))).toEqual([true, true, true])
    expect(holds(measured(6.39))).toBe(false)
  })

  it('compares the median time of a run by the clock where another process does the work', async () => {
    const waits = (turns: number) => async () => {
      for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
    }
    const { ratio } = await measure({
      name: 'test',
      title: 'a test',
      ours: { name: 'ours', run: waits(1) },
      theirs: { name: 'theirs', run: waits(200) },
      floor: 1,
      by: 'p50',
    })
    expect(ratio).toBeGreaterThan(1)
  })

  it('does not let a bar hold that takes longer than it may, however the other side does', () => {
    const one = measured(9.5)
    expect(holds({ ...one, ours: 500, bar: { ...one.bar, mostMs: 2 } })).toBe(true)
    expect(holds({ ...one, ours: 300, bar: { ...one.bar, mostMs: 2 } })).toBe(false)
  })

  it('says both sides, the ratio, the floor and whether it holds', () => {
    expect(reportOf(measured(9.5))).toBe(
      [
        'test: a test',
        '  ours           9,500 per CPU second  ours',
        '  theirs         1,000 per CPU second  theirs',
        '  ratio   9.50x (floor 8x, aim 12x): holds',
      ].join('\n'),
    )
    expect(reportOf(measured(7))).toContain('within tolerance')
    expect(reportOf(measured(2))).toContain('MISSED')
  })

  it('takes the middle of odd and even numbers of rounds', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })
})

describe('pnpm bench', () => {
  const run = (...argv: readonly string[]) =>
    spawnSync(
      process.execPath,
      [
        '--import',
        'tsx',
        '--conditions=@certctl/source',
        fileURLToPath(new URL('../../bench/run.ts', import.meta.url)),
        ...argv,
      ],
      { encoding: 'utf8' },
    )

  it('explains itself and names what there is', () => {
    const { status, stdout } = run('--help')
    expect(status).toBe(0)
    expect(stdout).toContain('--check')
    expect(stdout).toContain('  inventory-parse\n')
  })

  it('refuses a name that does not exist, and names those that do', () => {
    const { status, stderr } = run('no-such-bench')
    expect(status).toBe(2)
    expect(stderr).toContain('inventory-parse')
  })
})
