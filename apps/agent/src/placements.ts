import type { WorkItem } from '@certctl/api'
import type { CertificateMaterial, Fingerprint, GeneralName } from '@certctl/core'
import type { Agent } from './agent.js'
import type { Deployed } from './deploy.js'
import { type PlacementRecord, placementKey } from './journal.js'
import type { PreparedTarget } from './prepare-target.js'

interface Placed {
  item: WorkItem
  order: NonNullable<WorkItem['deployment']>
  target: PreparedTarget
  material: CertificateMaterial
  names: readonly GeneralName[]
  deployed: Deployed
}

/** Writes down what a target now has, and everything it takes to put it there again. */
export async function rememberPlacement(
  agent: Agent,
  { item, order, target, material, names, deployed }: Placed,
): Promise<void> {
  const place = { target_id: target.targetId, certificate_id: item.certificate_id }
  const last = await agent.journal.placements.get(placementKey(place))
  if (target.definition.capabilities.holds === 'one') await forgetOthers(agent, place)
  const { fingerprint, spki_sha256, certificate_generation, target_generation } = order
  await agent.journal.placements.put(placementKey(place), {
    ...place,
    target_type: target.type,
    target_config: target.config,
    names: [...names],
    certificate_pem: material.certificatePem,
    chain_pem: material.chainPem,
    fingerprint,
    spki_sha256,
    certificate_generation,
    target_generation,
    confirmed: deployed.receipt.served,
    deployed_at: agent.clock.now().toISOString(),
    cleaned_up: false,
    previous: last?.fingerprint === fingerprint ? last.previous : last && certificateOf(last),
  })
}

function certificateOf({ certificate_pem, chain_pem, fingerprint, spki_sha256 }: PlacementRecord) {
  return { certificate_pem, chain_pem, fingerprint, spki_sha256 }
}

/** A place for one certificate holds no other any more. */
async function forgetOthers(agent: Agent, place: { target_id: string; certificate_id: string }): Promise<void> {
  const all = await agent.journal.placements.all()
  const here = all.filter((other) => other.target_id === place.target_id)
  const others = here.filter((other) => other.certificate_id !== place.certificate_id)
  for (const other of others) await agent.journal.placements.drop(placementKey(other))
}

/** What a placement has deployed, as far as its key is still kept. */
export async function materialOf(agent: Agent, record: PlacementRecord): Promise<CertificateMaterial | undefined> {
  return await pairOf(agent, record.certificate_id, record)
}

/** What lay at the place before this certificate came. */
export async function previousMaterial(
  agent: Agent,
  last: PlacementRecord | undefined,
  fingerprint: Fingerprint,
): Promise<CertificateMaterial | undefined> {
  const before = last?.fingerprint === fingerprint ? last.previous : last
  return last === undefined || before === undefined ? undefined : await pairOf(agent, last.certificate_id, before)
}

type Pair = NonNullable<PlacementRecord['previous']>

async function pairOf(agent: Agent, certificateId: string, pair: Pair): Promise<CertificateMaterial | undefined> {
  const privateKeyPem = await agent.keys.find({ certificateId, spkiSha256: pair.spki_sha256 })
  if (privateKeyPem === undefined) return undefined
  const { certificate_pem, chain_pem, fingerprint } = pair
  return { certificatePem: certificate_pem, chainPem: chain_pem, fingerprint, privateKeyPem }
}
