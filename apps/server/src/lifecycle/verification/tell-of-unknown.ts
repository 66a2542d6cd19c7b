import type { Observations } from '@certctl/api'
import type { Services } from '../../services.js'
import type { AgentRow } from '../../store/agents.js'
import type { Tx } from '../../store/store.js'
import { raiseAlert } from '../raise-alert.js'
import { resolveAlert } from '../resolve-alert.js'

type Seen = Observations['placements'][number]
type Pair = Pick<Seen, 'certificate_id' | 'target_id'>

const type = 'placement.unknown'
// Whoever restored a backup knows after the first what to look for; an agent that makes up names fills no record.
const mostOfAgent = 10
// Agents forget after a day what nobody lists; what one reports longer is told again.
const toldMs = 7 * 86_400_000
const longestLocation = 200

/**
 * An agent reports a certificate or a target that is not in the record. After an older backup was restored, nothing else shows what was
 * asked for since: the host serves it, and nobody renews it.
 */
export async function tellOfUnknown(
  services: Services,
  { agentId, pairs }: { agentId: string; pairs: readonly Seen[] },
): Promise<void> {
  if (pairs.length === 0) return
  await services.store.transaction(async (tx) => {
    const targets = await tx.targets.getMany(pairs.map(({ target_id: id }) => id))
    const known = new Set(targets.map(({ id }) => id))
    const agent = await tx.agents.lock(agentId)
    if (agent === undefined) return
    let open = (await tx.events.listOpenOfType(type)).filter(({ agent_id }) => agent_id === agentId).length
    for (const seen of pairs) {
      if (open >= mostOfAgent) return
      const missing = {
        certificate: (await tx.certificates.get(seen.certificate_id)) === undefined,
        target: !known.has(seen.target_id),
      }
      const isKnown = !missing.certificate && !missing.target
      if (isKnown || (await tx.events.isOpen(`${subjectOf(agentId, seen)}:warning`))) continue
      await tell(tx, agent, { seen, missing })
      open += 1
    }
  })
}

/** What was unknown is in the record by now. */
export async function tellOfKnown(
  { store }: Services,
  { agentId, pairs }: { agentId: string; pairs: readonly Pair[] },
): Promise<void> {
  if (pairs.length === 0) return
  const subjects = new Map(pairs.map((pair) => [`${subjectOf(agentId, pair)}:warning`, pair]))
  for (const key of await store.events.listOpen([...subjects.keys()])) {
    const { certificate_id: certificateId, target_id: targetId } = subjects.get(key) ?? {}
    const title = `Certificate ${certificateId} at target ${targetId} is in the record`
    await store.transaction(
      async (tx) =>
        await resolveAlert(tx, { subject: key, type: 'placement.known', title, certificateId, targetId, agentId }),
    )
  }
}

/** Takes back what agents told of that retired since, and what was told long ago. */
export async function endUnknown({ store, clock }: Services): Promise<void> {
  const open = await store.events.listOpenOfType(type)
  for (const agentId of new Set(open.map(({ agent_id }) => agent_id))) {
    const agent = agentId === null ? undefined : await store.agents.get(agentId)
    const isLive = agent?.retired_at === null
    const until = isLive ? clock.now().getTime() - toldMs : Number.POSITIVE_INFINITY
    const own = open.filter(({ agent_id, at }) => agent_id === agentId && at.getTime() <= until)
    const keys = own.map(({ alert_key }) => alert_key)
    const title = !isLive
      ? `The agent ${agent?.name ?? agentId} was retired, and reports nothing any more`
      : `What the agent ${agent?.name ?? agentId} reported was told of for a week`
    if (keys.length > 0)
      await store.transaction(
        async (tx) =>
          await resolveAlert(tx, { subject: keys, type: 'placement.forgotten', title, agentId: agentId ?? undefined }),
      )
  }
}

/** Ids hold no colon. */
function subjectOf(agentId: string, { certificate_id, target_id }: Pair): string {
  return `placement-unknown:${agentId}:${certificate_id}:${target_id}`
}

async function tell(
  tx: Tx,
  { id: agentId, name }: AgentRow,
  { seen, missing }: { seen: Seen; missing: { certificate: boolean; target: boolean } },
): Promise<void> {
  const { certificate_id: certificate, target_id: target, file, served } = seen
  const fingerprint = file?.found_fingerprint ?? served?.find((look) => look.fingerprint !== undefined)?.fingerprint
  const location = file === undefined ? undefined : printable(file.location)
  const where = location === undefined ? '' : ` (${location})`
  const absent = missing.certificate ? (missing.target ? 'neither is' : 'the certificate is not') : 'the target is not'
  await raiseAlert(tx, {
    subject: subjectOf(agentId, seen),
    type,
    severity: 'warning',
    title: `Agent ${name} looks after certificate ${certificate} at target ${target}${where}, and ${absent} in the record, as after an older backup was restored: nobody renews it. Make anew what is missing`,
    command: [
      ...(missing.target ? [`certctl targets create --id ${target} --type TYPE --agent ${agentId}`] : []),
      // Under another id this pair would stay unknown.
      ...(missing.certificate ? [`certctl certificates request NAME --id ${certificate} --target ${target}`] : []),
    ].join(' && '),
    data: { certificate, target, location, fingerprint, missing },
    agentId,
  })
}

/** Whole characters: half of one is refused by the database. */
function printable(text: string): string {
  return [...text.replace(/[\p{C}\s]+/gu, ' ')].slice(0, longestLocation).join('')
}
