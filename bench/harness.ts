/** Measures two ways of doing one thing in one run, in turns, so that whatever else the machine does meets both. */

export interface Side {
  name: string
  /** Does the work once; `index` counts up, so that inputs can be taken in turn. */
  run(index: number): unknown
  /** Whose CPU is counted; this process's where not given. */
  meter?: Meter | undefined
}

export interface Bar {
  name: string
  /** What is compared, for people. */
  title: string
  ours: Side
  theirs: Side
  /** Ours must be at least this many times as fast, per CPU second. */
  floor: number
  aim?: number | undefined
  /** `p50`: the median time of one run by the clock is compared, not the CPU of many: for work that another process does. */
  by?: 'cpu' | 'p50' | undefined
  /** With `p50`: runs of each side in a round, where sixty are too many. */
  timedRuns?: number | undefined
  /** With `p50`: ours must not take longer, in milliseconds. */
  mostMs?: number | undefined
}

export interface Round {
  ours: number
  theirs: number
}

export interface Measured {
  bar: Bar
  rounds: readonly Round[]
  /** Median operations per CPU second; by the clock, what one after the other would be in a second. */
  ours: number
  theirs: number
  /** Median of the rounds' ratios: drift between rounds does not enter it. */
  ratio: number
}

export interface Meter {
  /** Microseconds of CPU this process has used. */
  cpuMicroseconds(): number
}

export const processMeter: Meter = {
  cpuMicroseconds: () => {
    const { user, system } = process.cpuUsage()
    return user + system
  },
}

export interface MeasureOptions {
  rounds?: number | undefined
  /** CPU time each side gets per round. */
  sliceSeconds?: number | undefined
  meter?: Meter | undefined
}

/** Runs both sides in turns and takes medians. A first round warms up and is not counted. */
export async function measure(bar: Bar, options: MeasureOptions = {}): Promise<Measured> {
  const { rounds: wanted = 5, sliceSeconds = 0.4, meter = processMeter } = options
  const timed = async (side: Side): Promise<number> => await medianRateOf(side, bar.timedRuns ?? usualRuns)
  const rateOf = bar.by === 'p50' ? timed : cpuRateOf
  const rounds: Round[] = []
  for (let round = 0; round <= wanted; round++) {
    const measured = {
      ours: await rateOf(bar.ours, sliceSeconds, meter),
      theirs: await rateOf(bar.theirs, sliceSeconds, meter),
    }
    if (round > 0) rounds.push(measured)
  }
  return {
    bar,
    rounds,
    ours: median(rounds.map((round) => round.ours)),
    theirs: median(rounds.map((round) => round.theirs)),
    ratio: median(rounds.map((round) => round.ours / round.theirs)),
  }
}

async function cpuRateOf(side: Side, sliceSeconds: number, usual: Meter): Promise<number> {
  const meter = side.meter ?? usual
  const started = meter.cpuMicroseconds()
  let done = 0
  let batch = 1
  for (;;) {
    for (let index = 0; index < batch; index++) {
      const result = side.run(done + index)
      // Awaiting each plain result would be part of what is measured.
      if (result instanceof Promise) await result
    }
    done += batch
    const seconds = (meter.cpuMicroseconds() - started) / 1e6
    if (seconds >= sliceSeconds) return done / seconds
    if (seconds < sliceSeconds / 8) batch *= 2
  }
}

const usualRuns = 60

/** From the median time of a run. */
async function medianRateOf(side: Side, runs: number): Promise<number> {
  const micros: number[] = []
  for (let index = 0; index < runs; index++) {
    const started = process.hrtime.bigint()
    await side.run(index)
    micros.push(Number(process.hrtime.bigint() - started) / 1000)
  }
  return 1e6 / median(micros)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** How much of its floor a bar may miss before `--check` fails: machines are noisy, bars are not. */
export const tolerance = 0.8

export function holds({ ratio, ours, bar }: Measured): boolean {
  return ratio >= tolerance * bar.floor && tolerance * (1000 / ours) <= (bar.mostMs ?? Number.POSITIVE_INFINITY)
}

function reaches({ ratio, ours, bar }: Measured): boolean {
  return ratio >= bar.floor && 1000 / ours <= (bar.mostMs ?? Number.POSITIVE_INFINITY)
}

/** Measures, and once more where the first time fell below what `--check` tolerates. */
export async function measureFairly(bar: Bar, options: MeasureOptions = {}): Promise<Measured> {
  const first = await measure(bar, options)
  return holds(first) ? first : await measure(bar, options)
}

/** One bar in a few lines: both sides, the ratio, the floor. */
export function reportOf(measured: Measured): string {
  const { bar, ours, theirs, ratio } = measured
  const verdict = reaches(measured) ? 'holds' : holds(measured) ? 'within tolerance' : 'MISSED'
  const aim = bar.aim === undefined ? '' : `, aim ${short(bar.aim)}x`
  const most = bar.mostMs === undefined ? '' : `, at most ${bar.mostMs} ms`
  const rate = bar.by === 'p50' ? time : cpuRate
  const digits = bar.floor < 0.1 ? 3 : 2
  return [
    `${bar.name}: ${bar.title}`,
    `  ours    ${rate(ours)}  ${bar.ours.name}`,
    `  theirs  ${rate(theirs)}  ${bar.theirs.name}`,
    `  ratio   ${ratio.toFixed(digits)}x (floor ${short(bar.floor)}x${aim}${most}): ${verdict}`,
  ].join('\n')
}

function short(ratio: number): string {
  return String(Number(ratio.toFixed(3)))
}

function cpuRate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString('en').padStart(12)} per CPU second`
}

function time(perSecond: number): string {
  return `${(1000 / perSecond).toFixed(2).padStart(12)} ms at the median`
}
