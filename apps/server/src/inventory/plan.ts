import { nextWindow, type WindowRule } from '../lifecycle/placement/next-window.js'
import { beatsWindow } from '../lifecycle/placement/window-of.js'
import { renewalWindow } from '../lifecycle/renewal/renewal-window.js'
import type { PlannedHolder } from '../store/plan-feed.js'
import { type PlanWarning, warningOf } from './plan-warning.js'

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

/** Adds up what is to come, holder by holder, in their order: the same inventory and moment give the same plan. */
export function createPlan(question: PlanQuestion): { add(holder: PlannedHolder): void; result(): RenewalPlan } {
  const plan = {
    renewals: newTally(),
    deployments: newTally(),
    byIssuer: new Map<string, Tally>(),
    byTarget: new Map<string, Tally>(),
    warnings: [] as PlanWarning[],
  }
  let seen = 0
  return {
    add(holder) {
      seen += 1
      const first = firstRenewal(question, holder, (seen * goldenStep) % 1)
      const warning = warningOf(question, holder, first, missedWindow(question, holder, first))
      if (warning !== undefined) plan.warnings.push(warning)
      if (first === undefined) return
      for (const { day, times } of renewalsOf(question, holder, first)) {
        count(plan.renewals, day, times)
        count(tallyOf(plan.byIssuer, holder.issuer_id), day, times)
        for (const target of holder.target_ids) {
          count(plan.deployments, day, times)
          count(tallyOf(plan.byTarget, target), day, times)
        }
      }
    },
    result: () => plan,
  }
}

/** When the next version is asked for; `undefined`: not by itself. */
function firstRenewal(question: PlanQuestion, holder: PlannedHolder, phase: number): Date | undefined {
  const { now, lifetimeSeconds } = question
  if (holder.blocked_code !== null && (holder.next_attempt_at === null || holder.not_after === null)) return undefined
  // As if they had been issued evenly over the time between two renewals.
  if (lifetimeSeconds !== undefined && holder.not_after !== null)
    return new Date(now.getTime() + intervalMs(holder, lifetimeSeconds * 1000) * phase)
  if (holder.not_after !== null && holder.renew_at === null) return undefined
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

function lifetimeOf({ lifetimeSeconds }: PlanQuestion, { received_at, not_after }: PlannedHolder): number | undefined {
  if (lifetimeSeconds !== undefined) return lifetimeSeconds * 1000
  return received_at === null || not_after === null ? undefined : not_after.getTime() - received_at.getTime()
}

/** Every renewal until the last day, those of one day together. */
function renewalsOf(question: PlanQuestion, holder: PlannedHolder, first: Date): { day: number; times: number }[] {
  const lifetime = lifetimeOf(question, holder)
  const interval = lifetime === undefined || lifetime <= 0 ? Number.POSITIVE_INFINITY : intervalMs(holder, lifetime)
  const start = dayStart(question.now)
  const found: { day: number; times: number }[] = []
  for (let at = first.getTime(); at < question.now.getTime() + question.days * dayMs; ) {
    const day = Math.floor((at - start) / dayMs)
    const left = start + (day + 1) * dayMs - at
    const times = interval >= left ? 1 : Math.ceil(left / interval)
    found.push({ day, times })
    at += times * interval
  }
  return found
}

export function dayStart(now: Date): number {
  return Math.floor(now.getTime() / dayMs) * dayMs
}

/** A target whose deployment will not wait for its window, since the certificate ends before or too soon after that opens. */
function missedWindow(
  { windows, now, days }: PlanQuestion,
  { target_ids, not_after }: PlannedHolder,
  first: Date | undefined,
): { targetId: string; opensAt: Date | undefined } | undefined {
  if (first === undefined || not_after === null || first.getTime() > now.getTime() + days * dayMs) return undefined
  for (const targetId of target_ids) {
    const rules = windows.get(targetId) ?? []
    if (rules.length === 0) continue
    const opensAt = nextWindow(rules, first)
    if (opensAt === undefined) return { targetId, opensAt }
    const isOpen = opensAt.getTime() <= first.getTime()
    if (!isOpen && beatsWindow({ not_after, revoked_at: null, revocation_reason: null }, opensAt))
      return { targetId, opensAt }
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
