import { raiseAlert } from '../lifecycle/raise-alert.js'
import { severityOf } from '../lifecycle/severity-of.js'
import type { Services } from '../services.js'
import type { JobRow } from '../store/jobs.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Agents that were asked for a CSR and did not send one: people are told, and the agents stay asked. */
export const overdueCsrs: Loop = {
  name: 'overdue-csrs',
  everySeconds: () => 300,
  async run(services, signal) {
    const now = services.clock.now()
    const since = new Date(now.getTime() - services.config.job_awaiting_csr_timeout * 1000)
    await forEachDue(services, {
      what: 'telling of a CSR that does not come',
      list: async (page) => await services.store.jobs.listOverdueCsr({ since, now }, page),
      idOf: ({ id }) => id,
      signal,
      work: async (job) => await tell(services, job),
    })
  },
}

async function tell(services: Services, job: JobRow): Promise<void> {
  await services.store.transaction(async (tx) => {
    const certificate = await tx.certificates.get(job.certificate_id ?? '')
    const holder = await tx.holders.get(job.holder_id ?? '')
    if (certificate === undefined || holder === undefined) return
    const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
    const agent = holder.agent_id === null ? undefined : await tx.agents.get(holder.agent_id)
    await raiseAlert(tx, {
      subject: `csr-overdue:${holder.id}`,
      type: 'certificate.csr_overdue',
      severity: severityOf(serving, tx.now),
      title: `${agent?.name ?? 'The agent'} was asked for a CSR for ${certificate.name} at ${job.run_at.toISOString()} and has not sent one`,
      command: holder.agent_id === null ? `certctl jobs show ${job.id}` : `certctl agents show ${holder.agent_id}`,
      data: { job_id: job.id, last_heartbeat_at: agent?.last_heartbeat_at?.toISOString() },
      certificateId: certificate.id,
      agentId: holder.agent_id ?? undefined,
    })
  })
}
