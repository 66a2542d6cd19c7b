import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { ChallengeRow } from '../../store/challenges.js'
import { createId } from '../../store/create-id.js'
import type { JobRow } from '../../store/jobs.js'
import type { Tx } from '../../store/store.js'
import { type Challenge, rowOf } from './challenge-row.js'

type Needs = Pick<Services, 'store'>
interface Holder {
  agent_id: string
  certificate_id: string
}

/**
 * Has every agent that holds the name give the answer: the CA may come to any of them. `waiting` until all have confirmed. What an agent
 * could not do is thrown, and that agent is asked again meanwhile. Throws `conflict` where no agent holds the name.
 */
export async function publishToAgents({ store }: Needs, challenge: Challenge): Promise<'published' | 'waiting'> {
  const { outcome, failed } = await store.transaction(async (tx) => await askAgents(tx, challenge))
  if (failed === undefined) return outcome
  const { kind, name, port } = challenge.answer
  throw new CertctlError(
    'conflict',
    `Agent ${failed.agent_id} cannot answer ${kind} for ${name} on port ${port}: ${failed.last_error ?? 'it did not say why'}`,
  )
}

async function askAgents(
  tx: Tx,
  challenge: Challenge,
): Promise<{ outcome: 'published' | 'waiting'; failed: JobRow | undefined }> {
  const { instance, answer } = challenge
  const holders = await tx.holders.listAgentsOfName(instance, answer.name)
  if (holders.length === 0)
    throw new CertctlError(
      'conflict',
      `No agent holds a certificate of ${instance} with the name ${answer.name}, so that none can answer for it; let the server answer, or use dns-01`,
    )
  const wanted = rowOf(challenge, tx.now)
  await tx.challenges.removeEnded(wanted, tx.now)
  const row = await tx.challenges.put(wanted)
  const jobs = newestByAgent(await tx.jobs.listOfChallenge(row.id), row.generation)
  const asked = holders.map((holder) => ({ holder, job: jobs.get(holder.agent_id) }))
  for (const { holder, job } of asked) if (job === undefined || isOver(job)) await queue(tx, row, holder)
  const isConfirmed = asked.every(({ job }) => job?.outcome === 'done')
  const failed = asked.find(({ job }) => job?.outcome === 'failed' || job?.outcome === 'refused')?.job
  return { outcome: isConfirmed ? 'published' : 'waiting', failed }
}

function isOver({ state, outcome }: JobRow): boolean {
  return state === 'cancelled' || (state === 'done' && outcome !== 'done')
}

/** Of what was asked in this generation, or in any. */
function newestByAgent(jobs: readonly JobRow[], generation?: number): Map<string, JobRow> {
  const counted = jobs.filter((job) => generation === undefined || job.generation === generation)
  return new Map(counted.toReversed().map((job) => [job.agent_id ?? '', job]))
}

/** Tells agents that give the answer, or may be about to, that it is over. One that nobody took is cancelled. */
export async function withdrawFromAgents({ store }: Needs, { id }: Challenge): Promise<void> {
  await store.transaction(async (tx) => {
    const row = await tx.challenges.withdraw(id, tx.now)
    if (row === undefined) return
    for (const job of newestByAgent(await tx.jobs.listOfChallenge(id)).values()) {
      const { agent_id, certificate_id } = job
      if (job.state === 'ready')
        await tx.jobs.cancel({ column: 'id', value: job.id }, { at: tx.now, reason: 'The challenge is over' })
      if (agent_id !== null && certificate_id !== null && job.attempts > 0)
        await queue(tx, row, { agent_id, certificate_id })
    }
  })
}

/** The job says only which challenge: whether it is to be answered is read when it is claimed. */
async function queue(tx: Tx, row: ChallengeRow, { agent_id, certificate_id }: Holder): Promise<void> {
  await tx.jobs.insert({
    id: createId('job', tx.now),
    kind: 'challenge',
    state: 'ready',
    agent_id,
    certificate_id,
    challenge_id: row.id,
    generation: row.generation,
    priority: 10,
    run_at: tx.now,
    requested_by: 'System',
    created_at: tx.now,
  })
  tx.wake('agent', agent_id)
}
