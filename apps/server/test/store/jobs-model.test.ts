import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createTestServices, type TestServices } from '../postgres.js'

let services: TestServices
beforeAll(async () => {
  services = await createTestServices()
})
afterAll(async () => {
  await services.close()
})

/** All there is to a job: who holds it until when, whether it is done, and how often it was claimed. */
interface Model {
  state: 'ready' | 'active' | 'done'
  holder: number | undefined
  until: number
  attempts: number
}
interface Real {
  id: string
  /** Every lease that was ever given, by the number of its claim. */
  leases: string[]
}
type Command = fc.AsyncCommand<Model, Real>

const leaseSeconds = 60
const seconds = () => services.clock.now().getTime() / 1000

class Claim implements Command {
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const isFree = model.state === 'ready' || (model.state === 'active' && model.until < seconds())
    const now = services.clock.now()
    const until = new Date(now.getTime() + leaseSeconds * 1000)
    const claimed = await services.store.jobs.claimForServer({ kinds: ['bulk'], server: 's', now, until, limit: 10 })
    expect(claimed.map(({ id }) => id)).toEqual(isFree ? [real.id] : [])
    if (!isFree) return
    const lease = claimed[0]?.lease ?? ''
    expect(real.leases).not.toContain(lease)
    real.leases.push(lease)
    Object.assign(model, { state: 'active', holder: real.leases.length - 1, until: seconds() + leaseSeconds })
    model.attempts += 1
    expect(claimed[0]?.attempts).toBe(model.attempts)
  }
  toString = () => 'claim'
}

/** The one with this lease, thought dead or not, says that it is done, or that it must be tried again. */
class Report implements Command {
  readonly claim: number
  readonly again: boolean
  constructor(claim: number, again: boolean) {
    this.claim = claim
    this.again = again
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const lease = real.leases[this.claim] ?? randomUUID()
    const isHolder = model.state === 'active' && model.holder === this.claim
    const settled = await services.store.jobs.settle(
      { id: real.id, lease },
      this.again
        ? { state: 'ready', run_at: services.clock.now() }
        : { state: 'done', outcome: 'done', completed_at: services.clock.now() },
    )
    expect(settled).toBe(isHolder)
    if (isHolder) model.state = this.again ? 'ready' : 'done'
  }
  toString = () => `${this.again ? 'retry' : 'done'}(${this.claim})`
}

class Prolong implements Command {
  readonly claim: number
  constructor(claim: number) {
    this.claim = claim
  }
  check = () => true
  async run(model: Model, real: Real): Promise<void> {
    const lease = real.leases[this.claim] ?? randomUUID()
    const isHolder = model.state === 'active' && model.holder === this.claim
    const kept = await services.store.jobs.prolong([lease], new Date((seconds() + leaseSeconds) * 1000))
    expect(kept).toEqual(isHolder ? [lease] : [])
    if (isHolder) model.until = seconds() + leaseSeconds
  }
  toString = () => `prolong(${this.claim})`
}

/** Whoever held it says nothing any more, or not for a while. */
class Pass implements Command {
  readonly seconds: number
  constructor(passed: number) {
    this.seconds = passed
  }
  check = () => true
  async run(): Promise<void> {
    services.clock.advance(this.seconds)
  }
  toString = () => `pass(${this.seconds})`
}

async function createJob(): Promise<Real> {
  const id = randomUUID()
  const now = services.clock.now()
  await services.store.jobs.insert({
    id,
    kind: 'bulk',
    state: 'ready',
    run_at: now,
    requested_by: 'test',
    created_at: now,
  })
  return { id, leases: [] }
}

describe('a job', () => {
  it('agrees with a small model over random sequences of claim, report, crash and retry', async () => {
    const claim = fc.nat(4)
    const commands = fc.commands(
      [
        fc.constant(new Claim()),
        fc.tuple(claim, fc.boolean()).map(([number, again]) => new Report(number, again)),
        claim.map((number) => new Prolong(number)),
        fc.constantFrom(1, 30, 59, 61, 200).map((passed) => new Pass(passed)),
      ],
      { maxCommands: 25 },
    )
    await fc.assert(
      fc.asyncProperty(commands, async (run) => {
        const real = await createJob()
        const model: Model = { state: 'ready', holder: undefined, until: 0, attempts: 0 }
        await fc.asyncModelRun(() => ({ model, real }), run)
        await services.store.jobs.update(real.id, { state: 'done' })
      }),
      { numRuns: 30 },
    )
  })
})
