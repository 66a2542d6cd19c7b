import type { Services } from '../services.js'
import { type SealedCell, type SealedColumn, sealedColumns } from '../store/sealed-cells.js'
import type { SealingKeyRow } from '../store/sealing-keys.js'
import { blindMs } from './follow-sealing-key.js'
import { currentOf } from './key-check.js'
import { systemActor } from './principal.js'
import type { Sealing } from './sealing.js'
import { keepNextSealingKey } from './sealing-key.js'

const batchSize = 200
/** By then every copy has heard which key seals, or seals nothing, and none writes with the one before. */
const settledMs = blindMs + 15_000
/** To look at everything is to read every row: so often where no key is being replaced, and once after each start. Who has an older key can still save something. */
const lookAgainMs = { withOlder: 60_000, alone: 3_600_000 } as const
const lookedAt = new WeakMap<Sealing, number>()

/**
 * Seals anew, batch by batch, what another key than the current one sealed; a run that is cut off is gone on with by the next. When nothing
 * is left for a while the older keys are forgotten. What a copy that stood still wrote after that is found, too, only later.
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
  let found = 0
  for (const column of sealedColumns) found += await resealColumn(services, column, signal)
  if (signal.aborted) return
  lookedAt.set(sealing, began)
  if (older.length === 0) {
    if (found > 0)
      log.warn({ found }, 'values that an older encryption key had sealed since it was replaced are sealed anew')
    return
  }
  if (found > 0 || began - (current.sealing_since?.getTime() ?? 0) < settledMs) return
  await finish(services, { current, older })
}

function isDue(sealing: Sealing, nowMs: number): boolean {
  const pauseMs = sealing.keyIds().length > 1 ? lookAgainMs.withOlder : lookAgainMs.alone
  return nowMs - (lookedAt.get(sealing) ?? Number.NEGATIVE_INFINITY) >= pauseMs
}

async function resealColumn(services: Services, column: SealedColumn, signal: AbortSignal): Promise<number> {
  const { store, sealing } = services
  let found = 0
  let after: readonly string[] | undefined
  while (!signal.aborted) {
    const cells = await store.sealedCells.others(column, { keyId: sealing.keyId, after, limit: batchSize })
    for (const cell of cells) await store.sealedCells.replace(column, cell, sealedAnew(services, column, cell))
    found += cells.length
    after = cells.at(-1)?.key
    if (cells.length < batchSize) break
  }
  return found
}

function sealedAnew({ sealing }: Services, { table, column }: SealedColumn, { key, value }: SealedCell): Buffer {
  const place = { table, id: key.join(' '), column }
  return sealing.seal(sealing.open(value, place), place)
}

async function finish(
  services: Services,
  { current, older }: { current: SealingKeyRow; older: readonly SealingKeyRow[] },
): Promise<void> {
  const { store, config, log } = services
  const removed = older.map(({ id }) => id)
  const isOver = await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    if (currentOf(await tx.sealingKeys.list()).id !== current.id) return false
    // Once more: somebody may have written since it was looked at.
    for (const column of sealedColumns)
      for (const id of removed) if ((await tx.sealedCells.countOf(column, id)) > 0) return false
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
