import type { WorkAnswer } from '@certctl/api'
import type { Agent } from './agent.js'
import type { KeyRecord, PlacementRecord } from './journal.js'
import { placementKey } from './journal.js'
import type { HeldKey } from './keys.js'

type Listing = NonNullable<WorkAnswer['keys']>

const daySeconds = 24 * 3600
/** After the server has stopped listing a key: services that restart at night still use it. */
const graceSeconds = daySeconds
/** A key the server never listed was made for a CSR that may still be waiting for a person. */
const unheardSeconds = 30 * daySeconds

/** Removes keys that nobody needs: not listed by the server for long enough, and not deployed anywhere by this agent. Asked with every answer that lists keys. */
export async function careForKeys(agent: Agent, listing: Listing): Promise<void> {
  const listed = new Set(listing.flatMap((entry) => entry.spki_sha256))
  const known = new Map((await agent.journal.keys.all()).map((record) => [record.spki_sha256, record]))
  await forgetEndedPlacements(agent, { listing, listed, known })
  const deployed = await deployedKeys(agent)
  for (const key of await agent.keys.list()) {
    const record = await tended(agent, { key, listed, before: known.get(key.spkiSha256) })
    if (listed.has(key.spkiSha256) || deployed.has(key.spkiSha256) || !isDue(agent.clock.now(), key, record)) continue
    await agent.keys.remove(key)
    await agent.journal.keys.drop(key.spkiSha256)
    agent.log.info('a key that nothing uses any more was removed', {
      certificate_id: key.certificateId,
      spki_sha256: key.spkiSha256,
    })
  }
}

async function tended(
  agent: Agent,
  { key, listed, before }: { key: HeldKey; listed: ReadonlySet<string>; before: KeyRecord | undefined },
): Promise<KeyRecord> {
  const { spkiSha256: spki_sha256, certificateId: certificate_id } = key
  const isListed = listed.has(spki_sha256)
  if (before !== undefined && (before.unlisted_since === undefined) === isListed) return before
  const since = before?.unlisted_since ?? agent.clock.now().toISOString()
  const record: KeyRecord = isListed
    ? { spki_sha256, certificate_id, listed: true }
    : { spki_sha256, certificate_id, listed: before?.listed ?? false, unlisted_since: since }
  await agent.journal.keys.put(spki_sha256, record)
  return record
}

function isDue(now: Date, key: HeldKey, record: KeyRecord): boolean {
  if (!record.listed) return now.getTime() - key.madeAt.getTime() > unheardSeconds * 1000
  return record.unlisted_since !== undefined && hasPassed(record.unlisted_since, now)
}

function hasPassed(since: string, now: Date): boolean {
  return now.getTime() - new Date(since).getTime() > graceSeconds * 1000
}

async function deployedKeys(agent: Agent): Promise<ReadonlySet<string>> {
  const all = await agent.journal.placements.all()
  return new Set(
    all.flatMap((record) => [
      record.spki_sha256,
      ...(record.previous === undefined ? [] : [record.previous.spki_sha256]),
    ]),
  )
}

interface Ending {
  listing: Listing
  listed: ReadonlySet<string>
  known: ReadonlyMap<string, KeyRecord>
}

/** A certificate of which the server lists no key at all, for as long as keys are kept, is not ours to keep in place any more. An earlier pair is kept only as long as its key is listed or in grace. */
async function forgetEndedPlacements(agent: Agent, { listing, listed, known }: Ending): Promise<void> {
  const alive = new Set(listing.filter((entry) => entry.spki_sha256.length > 0).map((entry) => entry.certificate_id))
  const isOver = (spki: string) => {
    const since = known.get(spki)?.unlisted_since
    return !listed.has(spki) && since !== undefined && hasPassed(since, agent.clock.now())
  }
  for (const record of await agent.journal.placements.all()) {
    if (!alive.has(record.certificate_id) && isOver(record.spki_sha256)) await forget(agent, record)
    else if (record.previous !== undefined && isOver(record.previous.spki_sha256)) {
      const { previous: _, ...rest } = record
      await agent.journal.placements.put(placementKey(record), rest)
    }
  }
}

async function forget(agent: Agent, record: PlacementRecord): Promise<void> {
  await agent.journal.placements.drop(placementKey(record))
  const { target_id, certificate_id } = record
  agent.log.info('a placement the server does not know any more was forgotten', { target_id, certificate_id })
}

/** Whether the server, as far as was heard, still wants this certificate here. */
export async function isWanted(agent: Agent, certificateId: string): Promise<boolean> {
  const known = (await agent.journal.keys.all()).filter((record) => record.certificate_id === certificateId)
  return known.length === 0 || known.some((record) => record.unlisted_since === undefined)
}
