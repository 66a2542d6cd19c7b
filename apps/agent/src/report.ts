import type { JobReport } from '@certctl/api'
import { type ErrorCode, isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { type ReportRecord, reasonOf } from './journal.js'
import { jittered, pause } from './pauses.js'

/** Reports go out until the server has answered: one whose answer was lost is sent again, also after a restart. */
export interface Reporter {
  /** Resolves when the report is on the disk; it is sent at once where the server answers. */
  report(jobId: string, report: JobReport): Promise<void>
  /** Sends what is still waiting. Never rejects for a server that does not answer. */
  flush(signal?: AbortSignal): Promise<void>
  /** Jobs whose reports wait: their leases are still ours. */
  waiting(): readonly string[]
}

export async function createReporter(agent: Agent): Promise<Reporter> {
  const { reports } = agent.journal
  const pending = new Map((await reports.all()).map((record) => [record.job_id, record]))

  const send = async (record: ReportRecord, signal?: AbortSignal): Promise<void> => {
    if (!(await isSettled(agent, record, signal))) return
    // The job may have been done again meanwhile, under another lease: that report is not this one.
    if (pending.get(record.job_id) !== record) return
    pending.delete(record.job_id)
    await reports.drop(record.job_id)
  }

  return {
    async report(jobId, report) {
      const record = { job_id: jobId, report }
      await reports.put(jobId, record)
      pending.set(jobId, record)
      await send(record)
    },
    async flush(signal) {
      for (const record of [...pending.values()]) await send(record, signal)
    },
    waiting: () => [...pending.keys()],
  }
}

/** Reports that had no answer are sent again every few seconds, except while the server is known to be away: the next poll that is answered sends them. */
export async function repeatReports(agent: Agent, reporter: Reporter, end: AgentEnd): Promise<void> {
  while (!end.signal.aborted) {
    await pause(agent, jittered(5, agent.random), end)
    if (reporter.waiting().length === 0 || agent.contact.isAway()) continue
    await reporter
      .flush(end.signal)
      .catch((error: unknown) => agent.log.error('the journal of reports cannot be written', reasonOf(error)))
  }
}

/** Refusals after which sending the same again is of no use: the lease is lost (the report is kept there as an observation), or the job is gone. */
const final: readonly ErrorCode[] = ['conflict', 'not_found', 'gone', 'request_malformed', 'too_large', 'forbidden']

async function isSettled(
  agent: Agent,
  { job_id, report }: ReportRecord,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const fields = { job_id, outcome: report.outcome, code: report.code }
  try {
    await agent.controlPlane.reportJob({ params: { id: agent.id, job_id }, body: report, signal })
    agent.log.info('job reported', fields)
    return true
  } catch (error) {
    if (isCertctlError(error) && final.includes(error.code)) {
      agent.log.warn('the server did not take the report as the end of the job', { ...fields, ...reasonOf(error) })
      return true
    }
    agent.log.warn('the report waits until the server answers', { ...fields, ...reasonOf(error) })
    return false
  }
}
