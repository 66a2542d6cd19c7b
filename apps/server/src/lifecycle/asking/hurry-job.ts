import type { Tx } from '../../store/store.js'

/** A job that waits for its next attempt does not wait any longer; one that is under way goes on. */
export async function hurryJob(tx: Tx, jobId: string): Promise<void> {
  const job = await tx.jobs.lock(jobId)
  if (job === undefined || (job.state !== 'ready' && job.state !== 'waiting_csr')) return
  await tx.jobs.update(jobId, { run_at: tx.now })
  if (job.state === 'ready') tx.wake('work', 'issue')
  else if (job.agent_id !== null) tx.wake('agent', job.agent_id)
}
