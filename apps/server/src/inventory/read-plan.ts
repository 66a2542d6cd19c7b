import { setImmediate as turn } from 'node:timers/promises'
import type { Plan } from '@certctl/api'
import { askBudget } from '../lifecycle/order/ask-budget.js'
import { defaultPolicyId } from '../lifecycle/renewal/renewal-policy-of.js'
import type { Services } from '../services.js'
import type { QueuedDeployment } from '../store/plan-feed.js'
import { createPlan, dayStart, mostADay, type RenewalPlan } from './plan.js'

const batchSize = 5000
const sliceMs = 8
const mostTargets = 100
const mostWarnings = 500
const mostNames = 100
const dayMs = 86_400_000

export interface AskedPlan {
  days: number
  lifetimeSeconds?: number | undefined
  signal: AbortSignal
}

/** Others have their turn in between: certificates of an hour are looked at thousands of times each. */
async function inSlices<T>(
  items: readonly T[],
  { signal, each }: { signal: AbortSignal; each: (item: T) => void },
): Promise<void> {
  let since = performance.now()
  for (const item of items) {
    each(item)
    if (performance.now() - since < sliceMs) continue
    await turn()
    signal.throwIfAborted()
    since = performance.now()
  }
}

/** What will be renewed, day by day and CA by CA, and what will not be in time: read from the inventory, which it does not change. */
export async function readPlan(services: Services, { days, lifetimeSeconds, signal }: AskedPlan): Promise<Plan> {
  const now = services.clock.now()
  const to = new Date(now.getTime() + days * dayMs)
  const windows = new Map((await services.store.targets.listWindows()).map((row) => [row.id, row.windows]))
  const plan = createPlan({ now, days, lifetimeSeconds, windows })
  const question = { until: lifetimeSeconds === undefined ? to : undefined, policyId: defaultPolicyId }
  for (let after = ''; ; ) {
    signal.throwIfAborted()
    const holders = await services.store.planFeed.listHolders(question, { after, limit: batchSize })
    await inSlices(holders, { signal, each: plan.add })
    const last = holders.at(-1)
    if (last === undefined || holders.length < batchSize) break
    after = last.id
  }
  for (let after: QueuedDeployment | undefined; ; ) {
    signal.throwIfAborted()
    const queued = await services.store.planFeed.listDeployments(to, { after, limit: batchSize })
    await inSlices(queued, { signal, each: plan.addDeployment })
    after = queued.at(-1)
    if (queued.length < batchSize) break
  }
  return await viewOf(services, plan.result(), { now, to, lifetimeSeconds, signal })
}

interface Horizon {
  now: Date
  to: Date
  lifetimeSeconds: number | undefined
  signal: AbortSignal
}

async function viewOf(services: Services, plan: RenewalPlan, horizon: Horizon): Promise<Plan> {
  const { now, to, lifetimeSeconds, signal } = horizon
  const end = ({ ends_at }: { ends_at?: string | undefined }) => ends_at ?? ''
  return {
    from: now.toISOString(),
    to: to.toISOString(),
    ...(lifetimeSeconds === undefined ? {} : { lifetime_seconds: lifetimeSeconds }),
    renewals: plan.renewals.total,
    deployments: plan.deployments.total,
    days: daysOf(plan, now),
    issuers: await issuersOf(services, plan, signal),
    targets: await targetsOf(services, plan),
    targets_total: plan.byTarget.size,
    warnings: plan.warnings.toSorted((a, b) => end(a).localeCompare(end(b))).slice(0, mostWarnings),
    warnings_total: plan.warnings.length,
  }
}

function daysOf({ renewals, deployments, byIssuer }: RenewalPlan, now: Date): Plan['days'] {
  const issuers = [...byIssuer].toSorted(([a], [b]) => a.localeCompare(b))
  return [...new Set([...renewals.byDay.keys(), ...deployments.byDay.keys()])]
    .toSorted((a, b) => a - b)
    .map((day) => ({
      date: new Date(dayStart(now) + day * dayMs).toISOString().slice(0, 10),
      renewals: renewals.byDay.get(day) ?? 0,
      deployments: deployments.byDay.get(day) ?? 0,
      issuers: Object.fromEntries(
        issuers.flatMap(([id, { byDay }]) => (byDay.has(day) ? [[id, byDay.get(day) ?? 0]] : [])),
      ),
    }))
}

async function issuersOf(services: Services, { byIssuer }: RenewalPlan, signal: AbortSignal): Promise<Plan['issuers']> {
  const rows: Plan['issuers'] = []
  for (const [id, tally] of [...byIssuer].toSorted(([, a], [, b]) => b.total - a.total)) {
    const row = await services.store.connections.get('issuer', id)
    const registered = row === undefined ? undefined : services.registry.find('issuer', row.type)
    const metered = registered?.definition.capabilities.metered ?? false
    const most = mostADay(tally)
    const limits = metered ? await limitsOf(services, { id, orders: most, signal }) : undefined
    rows.push({ id, name: row?.name ?? id, metered, renewals: tally.total, most_a_day: most, ...limits })
  }
  return rows
}

/** What a CA that counts says of its busiest day. */
async function limitsOf(
  services: Services,
  { id, orders, signal }: { id: string; orders: number; signal: AbortSignal },
): Promise<{ fits?: boolean; limits?: string }> {
  const row = await services.store.connections.get('issuer', id)
  if (row === undefined || !row.enabled || services.connections.faultOf(row) !== undefined) return {}
  const names = await services.store.certificates.listNamesOfIssuer(id, mostNames)
  const answer = await askBudget(services, await services.connections.issuer(id), { names, orders, signal })
  return answer === undefined ? {} : { fits: answer.fits, limits: answer.detail }
}

async function targetsOf({ store }: Services, { byTarget }: RenewalPlan): Promise<Plan['targets']> {
  const most = [...byTarget].toSorted(([, a], [, b]) => b.total - a.total).slice(0, mostTargets)
  const rows = new Map((await store.targets.getMany(most.map(([id]) => id))).map((row) => [row.id, row]))
  return most.map(([id, tally]) => ({
    id,
    name: rows.get(id)?.name ?? id,
    agent_id: rows.get(id)?.agent_id ?? '',
    deployments: tally.total,
    most_a_day: mostADay(tally),
  }))
}
