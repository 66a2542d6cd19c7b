import type { Services } from '../services.js'
import { type SealedCell, type SealedColumn, sealedColumns } from '../store/sealed-cells.js'
import { currentOf } from './key-check.js'
import { systemActor } from './principal.js'
import { keepNextSealingKey } from './sealing-key.js'

const batchSize = 200
/** By then every copy has heard which key seals, and none writes with the one before. */
const settledMs = 60_000

/**
 * Seals anew, batch by batch, what another key than the current one sealed; a run that is cut off is gone on with by the next. When nothing
 * is left for a while the older keys are forgotten. Nothing is looked at unless the key was changed.
 */
export async function reseal(services: Services, signal: AbortSignal): Promise<void> {
  const { store, sealing, clock } = services
  const rows = await store.sealingKeys.list()
  if (rows.length === 0) return
  const current = currentOf(rows)
  sealing.use(current.id)
  const older = rows.filter(({ id, sealing_since }) => id !== current.id && sealing_since !== null)
  if (older.length === 0) return
  let found = 0
  for (const column of sealedColumns) found += await resealColumn(services, column, signal)
  if (signal.aborted || found > 0) return
  if (clock.now().getTime() - (current.sealing_since?.getTime() ?? 0) < settledMs) return
  await finish(
    services,
    older.map(({ id }) => id),
  )
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

async function finish(services: Services, older: readonly string[]): Promise<void> {
  const { store, sealing, config, log } = services
  await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    for (const id of older) await tx.sealingKeys.remove(id)
    tx.audit.append({
      actor: systemActor,
      action: 'encryption_key.resealed',
      resource_type: 'encryption_key',
      resource_id: sealing.keyId,
      details: { removed: older },
    })
  })
  if (config.config_encryption_key === undefined) keepNextSealingKey(config.state_dir)
  log.info(
    { key: sealing.keyId, removed: older },
    'everything is sealed with the new encryption key; the one before may go',
  )
}
