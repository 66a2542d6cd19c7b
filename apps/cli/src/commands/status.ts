import type { Status } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import type { Cli } from '../cli.js'
import { placementColumns } from '../output/placement-columns.js'
import { fieldsText, tableText } from '../output/table.js'
import { timeText } from '../output/time-text.js'
import { defineVerb } from '../verb.js'

export const status = defineVerb({
  name: 'status',
  summary: 'Shows whether everything is served as it should be, and what is not',
  examples: ['certctl status', 'certctl status --check || page-somebody'],
  options: { '--check': 'Exit 5 when anything is failing, drifted, unhealthy, expired or overdue' },
  given: z.object({ check: z.boolean().default(false) }),
  run: async ({ check }, cli) => {
    const { body } = await cli.client().getStatus()
    cli.show(body, () => statusText(body, cli))
    const wrong = whatIsWrong(body)
    if (check && wrong.length > 0) throw new CertctlError('deploy_failed', `Not all is well: ${wrong.join(', ')}`)
  },
})

function statusText(status: Status, cli: Cli): string {
  const { version, certificates, placements, endpoints, agents, renewals, jobs, failing } = status
  const now = cli.io.now()
  const states = Object.entries(placements).filter(([, count]) => count > 0)
  const next = timeText(renewals.next_at, now)
  const summary = fieldsText([
    ['server', `${cli.settings().server.value} (${version})`],
    [
      'certificates',
      `${certificates.total}: ${certificates.active} active, ${certificates.expiring} expiring, ${certificates.expired} expired`,
    ],
    ['placements', states.length === 0 ? 'none' : states.map(([state, count]) => `${count} ${state}`).join(', ')],
    ...(endpoints === undefined || endpoints.total === 0
      ? []
      : [['endpoints', `${endpoints.total} looked at, ${endpoints.unhealthy} unhealthy`] as const]),
    ['agents', `${agents.online} of ${agents.total} online`],
    ['renewals', `${renewals.due} due, ${renewals.overdue} overdue${next === undefined ? '' : `; next ${next}`}`],
    ['jobs', `${jobs.active} active, ${jobs.waiting} waiting`],
  ])
  return failing.length === 0 ? summary : `${summary}\n\n${tableText(placementColumns(now), failing)}`
}

function whatIsWrong({ certificates, placements, endpoints, renewals, agents }: Status): string[] {
  const counts: readonly (readonly [number, string])[] = [
    [placements.failed, 'failed placements'],
    [placements.drifted, 'drifted placements'],
    [certificates.expired, 'expired certificates'],
    [endpoints?.unhealthy ?? 0, 'unhealthy endpoints'],
    [renewals.overdue, 'overdue renewals'],
    [agents.total - agents.online, 'silent agents'],
  ]
  return counts.filter(([count]) => count > 0).map(([count, what]) => `${what}: ${count}`)
}
