import type { WindowRule } from '../lifecycle/placement/next-window.js'
import { beatsWindow } from '../lifecycle/placement/window-of.js'
import { renewalWindow } from '../lifecycle/renewal/renewal-window.js'
import type { PlannedHolder, QueuedDeployment } from '../store/plan-feed.js'
import { type Course, dayOf, deploymentsOf, type OnDay, onDays, servedUntil } from './plan-days.js'
import { type PlanWarning, warningOf } from './plan-warning.js'
import { createOpenings, type Openings } from './window-openings.js'

export interface PlanQuestion {
  now: Date
  days: number
  /** What would be if all certificates lived that long. */
  lifetimeSeconds?: number | undefined
  /** Windows of targets, where they have some. */
  windows: ReadonlyMap<string, readonly WindowRule[]>
}

export interface Tally {
  total: number
  /** By day, counted from the first. */
  byDay: Map<number, number>
}

export interface RenewalPlan {
  renewals: Tally
  deployments: Tally
  byIssuer: ReadonlyMap<string, Tally>
  byTarget: ReadonlyMap<string, Tally>
  warnings: readonly PlanWarning[]
}

const dayMs = 86_400_000
// Spreads any number of beginnings evenly: the golden ratio never meets itself.
const goldenStep = 0.618_033_988_75

export interface PlanSum {
  add(holder: PlannedHolder): void
  addDeployment(deployment: QueuedDeployment): void
  result(): RenewalPlan
}

/** Adds up what is to come, holder by holder, in their order, and what waits to be deployed: the same inventory and moment give the same plan. */
export function createPlan(question: PlanQuestion): PlanSum {
  const plan = {
    renewals: newTally(),
    deployments: newTally(),
    byIssuer: new Map<string, Tally>(),
    byTarget: new Map<string, Tally>(),
    warnings: [] as PlanWarning[],
  }
  const openings = createOpenings(question.windows)
  const span = { start: dayStart(question.now), end: question.now.getTime() + question.days * dayMs }
  const deploy = (target: string, { day, times }: OnDay) => {
    count(plan.deployments, day, times)
    count(tallyOf(plan.byTarget, target), day, times)
  }
  let seen = 0
  return {
    add(holder) {
      seen += 1
      const first = firstRenewal(question, holder, (seen * goldenStep) % 1)
      const missed = missedWindow(question, { openings, holder, first })
      const warning = warningOf(question, holder, first, missed)
      if (warning !== undefined) plan.warnings.push(warning)
      if (first === undefined) return
      const course = courseOf(question, holder, first)
      const renewals = onDays(course, span)
      for (const { day, times } of renewals) {
        count(plan.renewals, day, times)
        count(tallyOf(plan.byIssuer, holder.issuer_id), day, times)
      }
      for (const [index, target] of holder.target_ids.entries()) {
        const waitsUntil = holder.waits_until[index]?.getTime()
        const isAnyTime = (question.windows.get(target) ?? []).length === 0
        const opensAt = (at: number) => openings(target, at)
        const days = isAnyTime ? renewals : deploymentsOf({ ...course, waitsUntil, opensAt }, span)
        for (const each of days) deploy(target, each)
      }
    },
    addDeployment({ run_at, target_id, served }) {
      const due = Math.max(question.now.getTime(), run_at.getTime())
      const opensAt = openings(target_id, due) ?? due
      const at = opensAt > due && !beatsWindow(served ?? undefined, new Date(opensAt)) ? opensAt : due
      if (at < span.end) deploy(target_id, { day: dayOf(at, span), times: 1 })
    },
    result: () => plan,
  }
}

/** When the next version is asked for; `undefined`: not by itself. */
function firstRenewal(question: PlanQuestion, holder: PlannedHolder, phase: number): Date | undefined {
  const { now, lifetimeSeconds } = question
  if (holder.blocked_code !== null && (holder.next_attempt_at === null || holder.not_after === null)) return undefined
  if (holder.not_after !== null && holder.renew_at === null) return undefined
  // As if they had been issued evenly over the time between two renewals.
  if (lifetimeSeconds !== undefined && holder.not_after !== null)
    return new Date(now.getTime() + intervalMs(holder, lifetimeSeconds * 1000) * phase)
  const times = [now, holder.renew_at, holder.next_attempt_at].map((time) => time?.getTime() ?? 0)
  return new Date(Math.max(...times))
}

/** From one renewal to the next, for a version that lives so long. */
function intervalMs({ window_days: policyWindowDays }: PlannedHolder, lifetimeMs: number): number {
  const { at } = renewalWindow({
    receivedAt: new Date(0),
    notAfter: new Date(lifetimeMs),
    random: () => 0.5,
    policyWindowDays: policyWindowDays ?? undefined,
  })
  return Math.max(at.getTime(), 60_000)
}

function courseOf(question: PlanQuestion, holder: PlannedHolder, first: Date): Course {
  const { lifetimeSeconds } = question
  const { not_after } = holder
  const lifetime = lifetimeOf(question, holder)
  if (lifetime === undefined || lifetime <= 0)
    return { first: first.getTime(), interval: Number.POSITIVE_INFINITY, left: 0, endsAt: not_after?.getTime() }
  const interval = intervalMs(holder, lifetime)
  const left = lifetime - interval
  const isReal = lifetimeSeconds === undefined || not_after === null
  return { first: first.getTime(), interval, left, endsAt: isReal ? not_after?.getTime() : first.getTime() + left }
}

function lifetimeOf({ lifetimeSeconds }: PlanQuestion, { received_at, not_after }: PlannedHolder): number | undefined {
  if (lifetimeSeconds !== undefined) return lifetimeSeconds * 1000
  return received_at === null || not_after === null ? undefined : not_after.getTime() - received_at.getTime()
}

export function dayStart(now: Date): number {
  return Math.floor(now.getTime() / dayMs) * dayMs
}

/** A target whose deployment will not wait for its window, since the certificate ends before or too soon after that opens. */
function missedWindow(
  { windows, now, days }: PlanQuestion,
  { openings, holder, first }: { openings: Openings; holder: PlannedHolder; first: Date | undefined },
): { targetId: string; opensAt: Date | undefined } | undefined {
  const { target_ids, not_after } = holder
  if (first === undefined || not_after === null || first.getTime() > now.getTime() + days * dayMs) return undefined
  for (const targetId of target_ids) {
    if ((windows.get(targetId) ?? []).length === 0) continue
    const at = openings(targetId, first.getTime())
    if (at === undefined) return { targetId, opensAt: undefined }
    const opensAt = new Date(at)
    if (at > first.getTime() && beatsWindow(servedUntil(not_after), opensAt)) return { targetId, opensAt }
  }
  return undefined
}

function newTally(): Tally {
  return { total: 0, byDay: new Map() }
}

function tallyOf(tallies: Map<string, Tally>, key: string): Tally {
  const known = tallies.get(key) ?? newTally()
  tallies.set(key, known)
  return known
}

function count(tally: Tally, day: number, times: number): void {
  tally.total += times
  tally.byDay.set(day, (tally.byDay.get(day) ?? 0) + times)
}

export function mostADay({ byDay }: Tally): number {
  let most = 0
  for (const times of byDay.values()) most = Math.max(most, times)
  return most
}
