import type { JobTrend, StatsSummary } from '@certctl/api'
import { z } from '@certctl/core'
import { fieldsText, tableText } from '../output/table.js'
import { defineVerb, typedNumber } from '../verb.js'

interface Stats {
  summary: StatsSummary
  certificates_by_status: readonly { status: string; count: number }[]
  expiration_timeline: readonly { date: string; count: number }[]
  job_trends: readonly JobTrend[]
  issuance_rate: readonly { date: string; issued_count: number }[]
}

export const stats = defineVerb({
  name: 'stats',
  summary: 'Shows the inventory in numbers: by status, what ends on which day, what was issued and how jobs ended',
  examples: ['certctl stats', 'certctl stats --days 90', 'certctl stats --json | jq .expiration_timeline'],
  options: { '--days <number>': 'How many days ahead and back, at most 365; 30 where not given' },
  given: z.object({ days: typedNumber(1, 365).optional() }),
  run: async ({ days }, cli) => {
    const client = cli.client()
    const query = { days }
    const body: Stats = {
      summary: (await client.getStatsSummary()).body,
      certificates_by_status: (await client.listCertificatesByStatus()).body,
      expiration_timeline: (await client.listExpirationTimeline({ query })).body,
      job_trends: (await client.listJobTrends({ query })).body,
      issuance_rate: (await client.listIssuanceRate({ query })).body,
    }
    cli.show(body, () => statsText(body))
  },
})

function statsText(stats: Stats): string {
  const { summary } = stats
  const parts = [
    fieldsText([
      ['certificates', summary.total_certificates],
      ...stats.certificates_by_status.map(({ status, count }) => [`  ${status}`, count] as const),
      ['agents', `${summary.active_agents} of ${summary.total_agents} online`],
      ['jobs', `${summary.pending_jobs} open, ${summary.complete_jobs} completed, ${summary.failed_jobs} failed`],
      ['notifications given up', summary.notifications_dead],
    ]),
    endingText(stats),
    pastText(stats),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Days on which something ends; a year of empty lines would hide them. */
function endingText({ expiration_timeline: days }: Stats): string {
  const busy = days.filter(({ count }) => count > 0)
  if (busy.length === 0) return ''
  return tableText(
    [
      { title: 'DAY', value: ({ date }) => date },
      { title: 'ENDING', value: ({ count }) => count },
    ],
    busy,
  )
}

function pastText({ job_trends: trends, issuance_rate: rate }: Stats): string {
  const issuedOn = new Map(rate.map(({ date, issued_count: count }) => [date, count]))
  const days = trends.map((trend) => ({ ...trend, issued: issuedOn.get(trend.date) ?? 0 }))
  const busy = days.filter((day) => day.issued + day.completed_count + day.failed_count > 0)
  if (busy.length === 0) return ''
  return tableText(
    [
      { title: 'DAY', value: ({ date }) => date },
      { title: 'ISSUED', value: ({ issued }) => issued },
      { title: 'JOBS COMPLETED', value: (day) => day.completed_count },
      { title: 'FAILED', value: (day) => day.failed_count },
    ],
    busy,
  )
}
