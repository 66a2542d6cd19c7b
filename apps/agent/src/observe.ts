import type { Observations } from '@certctl/api'
import { isCertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { cleanUpPlacement } from './clean-up-placement.js'
import { type PlacementRecord, placementKey, reasonOf } from './journal.js'
import { lookAtPlacement, type Sight } from './look-at-placement.js'
import { jittered, pause } from './pauses.js'
import { type PreparedTarget, prepareTarget } from './prepare-target.js'
import { repairDrift } from './repair-drift.js'
import { heldOf, servedOf } from './wire-looks.js'

type Observation = Observations['placements'][number]

const batchSize = 200

/** Looks at everything this agent has deployed, again and again. The server hears what there is; while it is away, the agent itself puts right what it can. */
export async function observe(agent: Agent, end: AgentEnd): Promise<void> {
  while (!end.signal.aborted) {
    await pause(agent, jittered(agent.config.observeSeconds, agent.random), end)
    if (end.signal.aborted) return
    // A disk that fails for a moment must not end the jobs that are under way.
    await observeAll(agent, end.signal).catch((error: unknown) =>
      agent.log.error('the targets could not be looked at', reasonOf(error)),
    )
  }
}

export async function observeAll(agent: Agent, signal: AbortSignal): Promise<void> {
  const seen: Seen[] = []
  for (const record of await agent.journal.placements.all()) {
    const observation = await observeOne(agent, record, signal)
    if (observation !== undefined) seen.push({ record, observation })
  }
  for (let first = 0; first < seen.length; first += batchSize)
    await send(agent, seen.slice(first, first + batchSize), signal)
}

interface Seen {
  record: PlacementRecord
  observation: Observation
}

async function observeOne(
  agent: Agent,
  record: PlacementRecord,
  signal: AbortSignal,
): Promise<Observation | undefined> {
  const { target_id, certificate_id, target_type, target_config } = record
  try {
    const target = await prepareTarget(agent, { targetId: target_id, type: target_type, config: target_config })
    return await agent.lanes(target.lane, async () => {
      if (!(await isCurrent(agent, record))) return undefined
      const sight = await sightOf(agent, { record, target, signal })
      await cleanUpPlacement(agent, { record, target, signal })
      return observationOf(record, sight)
    })
  } catch (error) {
    if (!signal.aborted)
      agent.log.warn('a target could not be looked at', { target_id, certificate_id, ...reasonOf(error) })
    return undefined
  }
}

/** A deployment may have ended while this look waited for its turn; its own report has said what there is. */
async function isCurrent(agent: Agent, record: PlacementRecord): Promise<boolean> {
  return (await agent.journal.placements.get(placementKey(record)))?.deployed_at === record.deployed_at
}

interface Place {
  record: PlacementRecord
  target: PreparedTarget
  signal: AbortSignal
}

async function sightOf(agent: Agent, { record, target, signal }: Place): Promise<Sight> {
  const expected = { certificateId: record.certificate_id, fingerprint: record.fingerprint, names: record.names }
  const sight = await lookAtPlacement(agent, target, { expected, signal })
  if (sight.held?.matches !== false || !agent.contact.isAway()) return sight
  await repairDrift(agent, { record, target, signal })
  return await lookAtPlacement(agent, target, { expected, signal })
}

function observationOf({ target_id, certificate_id, chain_pem }: PlacementRecord, { held, looks }: Sight): Observation {
  const file = held === undefined ? {} : { file: heldOf(held) }
  return { target_id, certificate_id, ...file, ...(looks.length === 0 ? {} : { served: servedOf(looks, chain_pem) }) }
}

/** What is not heard now is seen again at the next look, so nothing is kept. */
async function send(agent: Agent, seen: readonly Seen[], signal: AbortSignal): Promise<void> {
  const current = await Promise.all(seen.map(async ({ record }) => await isCurrent(agent, record)))
  const placements = seen.filter((_, index) => current[index]).map(({ observation }) => observation)
  if (placements.length === 0) return
  try {
    await agent.controlPlane.reportObservations({ params: { id: agent.id }, body: { placements }, signal })
  } catch (error) {
    if (isCertctlError(error) && error.code === 'aborted') return
    agent.log.warn('observations were not taken', reasonOf(error))
  }
}
