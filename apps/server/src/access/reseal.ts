import type { Services } from '../services.js'
import { type SealedColumn, sealedColumns } from '../store/sealed-cells.js'
import type { SealingKeyRow } from '../store/sealing-keys.js'
import type { Tx } from '../store/store.js'
import { blindMs } from './follow-sealing-key.js'
import { currentOf } from './key-check.js'
import { systemActor } from './principal.js'
import type { Sealing } from './sealing.js'
import { keepNextSealingKey } from './sealing-key.js'
import { noneUnopenable, openCell, placeOfCell, tellOfUnopenable, type Unopenable } from './unopenable-values.js'

const batchSize = 200
/** By then every copy has heard which key seals, or seals nothing, and none writes with the one before. */
const settledMs = blindMs + 15_000
/** To look at everything is to read every row: so often where no key is being replaced, and once after each start. Who has an older key can still save something. */
const lookAgainMs = { withOlder: 60_000, alone: 3_600_000 } as const
const lookedAt = new WeakMap<Sealing, number>()

/**
 * Seals anew, batch by batch, what another key than the current one sealed; a run that is cut off is gone on with by the next. When nothing
 * is left that can be opened, for a while, the older keys are forgotten. What a copy that stood still wrote after that is found, too, only later.
 */
export async function reseal(services: Services, signal: AbortSignal): Promise<void> {
  const { store, sealing, clock, log } = services
  const began = clock.now().getTime()
  const rows = await store.sealingKeys.list()
  if (rows.length === 0) return
  const current = currentOf(rows)
  sealing.use(current.id, began)
  const older = rows.filter(({ id, sealing_since }) => id !== current.id && sealing_since !== null)
  if (older.length === 0 && !isDue(sealing, began)) return
  // Also a look that fails was one: the next comes when it is due.
  lookedAt.set(sealing, began)
  const left = noneUnopenable()
  let found = 0
  for (const column of sealedColumns) found += await resealColumn(services, { column, left }, signal)
  if (signal.aborted) return
  await tellOfUnopenable(services, left)
  if (older.length === 0) {
    if (found > 0)
      log.warn({ found }, 'values that an older encryption key had sealed since it was replaced are sealed anew')
    return
  }
  if (found > 0 || began - (current.sealing_since?.getTime() ?? 0) < settledMs) return
  await finish(services, { current, older, left })
}

function isDue(sealing: Sealing, nowMs: number): boolean {
  const pauseMs = sealing.keyIds().length > 1 ? lookAgainMs.withOlder : lookAgainMs.alone
  return nowMs - (lookedAt.get(sealing) ?? Number.NEGATIVE_INFINITY) >= pauseMs
}

/** Returns how many were sealed anew. What cannot be opened keeps nothing else from it. */
async function resealColumn(
  services: Services,
  { column, left }: { column: SealedColumn; left: Unopenable },
  signal: AbortSignal,
): Promise<number> {
  const { store, sealing } = services
  let found = 0
  let after: readonly string[] | undefined
  while (!signal.aborted) {
    const cells = await store.sealedCells.others(column, { keyId: sealing.keyId, after, limit: batchSize })
    for (const cell of cells) {
      const plain = openCell(sealing, { column, cell }, left)
      if (plain === undefined) continue
      await store.sealedCells.replace(column, cell, sealing.seal(plain, placeOfCell(column, cell)))
      found += 1
    }
    after = cells.at(-1)?.key
    if (cells.length < batchSize) break
  }
  return found
}

interface Through {
  current: SealingKeyRow
  older: readonly SealingKeyRow[]
  left: Unopenable
}

/** What its own key does not open is lost, with the key or without, and is no reason to keep it. */
async function finish(services: Services, { current, older, left }: Through): Promise<void> {
  const { store, sealing, config, log } = services
  const removed = older.map(({ id }) => id)
  const lost = (id: string): number => (sealing.keyIds().includes(id) ? (left.byKey.get(id) ?? 0) : 0)
  const isOver = await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    if (currentOf(await tx.sealingKeys.list()).id !== current.id) return false
    // Once more: somebody may have written since it was looked at.
    for (const id of removed) if ((await countOf(tx, id)) > lost(id)) return false
    for (const id of removed) await tx.sealingKeys.remove(id)
    tx.audit.append({
      actor: systemActor,
      action: 'encryption_key.resealed',
      resource_type: 'encryption_key',
      resource_id: current.id,
      details: { removed },
    })
    return true
  })
  if (!isOver) return
  if (config.config_encryption_key === undefined) keepNextSealingKey(config.state_dir)
  log.info({ key: current.id, removed }, 'everything is sealed with the new encryption key; the one before may go')
}

async function countOf(tx: Tx, keyId: string): Promise<number> {
  let count = 0
  for (const column of sealedColumns) count += await tx.sealedCells.countOf(column, keyId)
  return count
}
