import type { Job } from '@certctl/api'
import { z } from '@certctl/core'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'
import { defineVerb } from '../../verb.js'

export const jobsShow = defineVerb({
  name: 'show',
  aliases: ['get'],
  summary: 'Shows one job',
  examples: ['certctl jobs show job-1'],
  arguments: { id: 'Id of the job' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    const { body } = await cli.client().getJob({ params: { id } })
    const now = cli.io.now()
    cli.show(body, () =>
      fieldsText([
        ['id', body.id],
        ['type', body.type],
        ['status', body.status],
        ['certificate', body.certificate_id],
        ['target', body.target_id],
        ['agent', body.agent_id],
        ['progress', body.bulk === undefined ? undefined : bulkText(body.bulk)],
        ['attempts', body.attempts],
        ['last error', body.last_error],
        ['error code', body.error_code],
        ['made', timeText(body.created_at, now)],
        ['scheduled', timeText(body.scheduled_at, now)],
        ['started', timeText(body.started_at, now)],
        ['ended', timeText(body.completed_at, now)],
        ['verification', body.verification_status],
        ['verified', timeText(body.verified_at, now)],
        ['verification error', body.verification_error],
      ]),
    )
  },
})

function bulkText({ action, total, done, skipped, failed, pending }: NonNullable<Job['bulk']>): string {
  return `${action}: ${done} of ${total} done, ${skipped} passed over, ${failed} failed, ${pending} left`
}
