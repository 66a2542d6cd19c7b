import type { Plan } from '@certctl/api'
import { z } from '@certctl/core'
import type { Cli } from '../cli.js'
import { type Column, tableText } from '../output/table.js'
import { timeText } from '../output/time-text.js'
import { defineVerb, typedNumber } from '../verb.js'

export const plan = defineVerb({
  name: 'plan',
  summary: 'Shows what will be renewed when, what that means for CAs and targets, and what will not be renewed in time',
  examples: [
    'certctl plan',
    'certctl plan --days 90',
    'certctl plan --lifetime 47d   # what if all certificates lived 47 days',
    'certctl plan --json',
  ],
  options: {
    '--days <days>': 'How far to look: 1 to 400, 30 where not given',
    '--lifetime <lifetime>': 'What would be if all certificates lived that long: 47d, 24h',
  },
  given: z.object({ days: typedNumber(1, 400).optional(), lifetime: z.string().optional() }),
  run: async ({ days, lifetime }, cli) => {
    const { body } = await cli.client().getPlan({ query: { days, lifetime } })
    cli.show(body, () => planText(body, cli))
  },
})

function planText(plan: Plan, cli: Cli): string {
  const now = cli.io.now()
  const tables = [
    headline(plan),
    plan.days.length === 0 ? undefined : tableText(dayColumns(plan), plan.days),
    plan.issuers.length === 0 ? undefined : tableText(issuerColumns, plan.issuers),
    plan.targets.length === 0 ? undefined : tableText(targetColumns, plan.targets.slice(0, mostTargets)),
    more(plan.targets_total - Math.min(plan.targets.length, mostTargets), 'target'),
    plan.warnings.length === 0 ? allClear(plan) : tableText(warningColumns(now), plan.warnings),
    more(plan.warnings_total - plan.warnings.length, 'warning'),
  ]
  return tables.filter((text) => text !== undefined).join('\n\n')
}

const mostTargets = 20
const widest = 30

function headline({ renewals, deployments, from, to, lifetime_seconds: lifetime }: Plan): string {
  const span = `from ${from.slice(0, 10)} to ${to.slice(0, 10)}`
  const whatIf = lifetime === undefined ? '' : `If all certificates lived ${lifetimeText(lifetime)}: `
  return `${whatIf}${counted(renewals, 'renewal')} and ${counted(deployments, 'deployment')} ${span}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function lifetimeText(seconds: number): string {
  return seconds % 86_400 === 0 ? `${seconds / 86_400} days` : `${seconds / 3600} hours`
}

function more(count: number, what: string): string | undefined {
  return count > 0 ? `… and ${counted(count, `more ${what}`)}` : undefined
}

function allClear({ issuers }: Plan): string | undefined {
  return issuers.some(({ fits }) => fits === false) ? undefined : 'Nothing stands in the way.'
}

function dayColumns({ days }: Plan): Column<Plan['days'][number]>[] {
  const most = Math.max(...days.map(({ renewals }) => renewals))
  return [
    { title: 'DAY', value: ({ date }) => date },
    { title: 'RENEWALS', value: ({ renewals }) => renewals },
    { title: 'DEPLOYMENTS', value: ({ deployments }) => deployments },
    { title: 'ISSUERS', value: ({ issuers }) => issuersText(issuers) },
    { title: '', value: ({ renewals }) => barText(renewals, most) },
  ]
}

/** As wide as so many of the most; a space where there are none, which is no dash. */
function barText(renewals: number, most: number): string {
  return renewals === 0 ? ' ' : '▇'.repeat(Math.max(1, Math.round((renewals / most) * widest)))
}

function issuersText(issuers: Plan['days'][number]['issuers']): string {
  return Object.entries(issuers)
    .map(([id, count]) => `${id} ${count}`)
    .join(', ')
}

const issuerColumns: readonly Column<Plan['issuers'][number]>[] = [
  { title: 'ISSUER', value: ({ id }) => id },
  { title: 'RENEWALS', value: ({ renewals }) => renewals },
  { title: 'MOST A DAY', value: ({ most_a_day }) => most_a_day },
  { title: 'LIMITS', value: limitsText },
]

function limitsText({ metered, fits, limits }: Plan['issuers'][number]): string {
  if (!metered) return 'none known'
  if (fits === undefined) return 'counts orders; says nothing of its limits'
  return `${fits ? 'fits' : 'TOO MANY'}: ${limits ?? ''}`
}

const targetColumns: readonly Column<Plan['targets'][number]>[] = [
  { title: 'TARGET', value: ({ name }) => name },
  { title: 'AGENT', value: ({ agent_id }) => agent_id },
  { title: 'DEPLOYMENTS', value: ({ deployments }) => deployments },
  { title: 'MOST A DAY', value: ({ most_a_day }) => most_a_day },
]

function warningColumns(now: Date): Column<Plan['warnings'][number]>[] {
  return [
    { title: 'CERTIFICATE', value: ({ certificate_name }) => certificate_name },
    { title: 'ENDS', value: ({ ends_at }) => timeText(ends_at, now) },
    { title: 'BUT', value: ({ message }) => message },
    { title: 'RUN', value: ({ command }) => command },
  ]
}
