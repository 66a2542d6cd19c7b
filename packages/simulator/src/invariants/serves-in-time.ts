import type { AgentModel, Held, TargetModel } from '../model/agent-model.js'
import { upTime } from '../outages.js'
import type { World } from '../world.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** That long agent and CA must have been there together, after the time for a renewal began, for the promise to hold. */
const togetherMs = 12 * hourMs
/** What is replaced because it was revoked may have a CA that was away for long, and is tried again every hour. */
const replacementMs = 36 * hourMs
/** Where each order costs money, what is served nowhere yet is tried once a day, and a try may fail. */
const costlyFirstMs = 60 * hourMs

interface Debt {
  agent: AgentModel
  target: TargetModel
  /** From when on something could have been done about it. */
  since: number
  neededMs: number
  isPaid(): boolean
  expected: string
}

/**
 * The promise. A certificate that ends is replaced where it is served before it ends, if its agent and its CA were both there for
 * twelve hours in all between the moment when its renewal was due (half of a life of ten days or less, a third of a longer one,
 * before its end) and its end. An agent that is off for three days and a CA that is away for a day and a half leave less than that only to
 * six-day certificates that both hit, or that were due just as their agent went off; what they leave unserved must be served once the twelve
 * hours are complete.
 */
export function owesService(
  world: World,
  { agent, target, version }: { agent: AgentModel; target: TargetModel; version: Held },
): void {
  const { lifetimeDays = 90, name = target.certificateId } = world.asked.get(target.certificateId) ?? {}
  const lifetimeMs = lifetimeDays * dayMs
  const windowMs = lifetimeDays <= 10 ? lifetimeMs / 2 : lifetimeMs / 3
  demand(world, version.notAfter, {
    agent,
    target,
    since: Math.max(version.notAfter - windowMs, world.agenda.now()),
    neededMs: togetherMs,
    isPaid: () => target.served !== version,
    expected: `${target.id} still serves the certificate of ${name} that ended at ${new Date(version.notAfter).toISOString()}`,
  })
}

/** A certificate that was asked for is served where it was asked for, and one that was revoked is replaced there, in time. */
export function owesFirst(world: World, { agent, target }: { agent: AgentModel; target: TargetModel }): void {
  const since = world.agenda.now()
  const { caId = '' } = world.asked.get(target.certificateId) ?? {}
  const neededMs = world.cas.get(caId)?.metered === true ? costlyFirstMs : replacementMs
  demand(world, since + neededMs, {
    agent,
    target,
    since,
    neededMs,
    isPaid: () => target.served !== undefined,
    expected: `${target.id} serves nothing since it was added at ${new Date(since).toISOString()}`,
  })
}

export function owesReplacement(
  world: World,
  { agent, target, version }: { agent: AgentModel; target: TargetModel; version: Held },
): void {
  const since = world.agenda.now()
  demand(world, since + replacementMs, {
    agent,
    target,
    since,
    neededMs: replacementMs,
    isPaid: () => target.served !== version,
    expected: `${target.id} still serves what was revoked at ${new Date(since).toISOString()}`,
  })
}

function demand(world: World, at: number, debt: Debt): void {
  world.agenda.at(at, () => {
    if (debt.isPaid()) return
    const now = world.agenda.now()
    const ca = world.cas.get(world.asked.get(debt.target.certificateId)?.caId ?? '')
    const up = upTime([...debt.agent.outages, ...(ca?.outages ?? [])], { from: debt.since, to: now })
    if (up >= debt.neededMs) return world.violate('servesInTime', debt.expected)
    world.journal.note(
      `${debt.target.id} is not as it should be; its parties were together for ${Math.round(up / hourMs)} h only`,
    )
    demand(world, now + Math.max(debt.neededMs - up, hourMs), debt)
  })
}
