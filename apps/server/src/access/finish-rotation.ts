import type { Config } from '../config.js'
import { sealedColumns } from '../store/sealed-cells.js'
import type { Store } from '../store/store.js'
import { currentOf } from './key-check.js'
import type { Sealing } from './sealing.js'
import { keepNextSealingKey } from './sealing-key.js'

/**
 * At start: a rotation by files whose end was cut off, when the older key was forgotten here and its file was not replaced yet. That file's
 * key looks like one that is to follow then, and no other could be made. Nothing happens where something is sealed with it. Returns whether it was finished.
 */
export async function finishRotation(store: Store, sealing: Sealing, config: Config): Promise<boolean> {
  const [first, next] = sealing.keyIds()
  if (config.config_encryption_key !== undefined || first === undefined || next === undefined) return false
  const isOver = await store.transaction(async (tx) => {
    await tx.sealingKeys.lock()
    const rows = await tx.sealingKeys.list()
    const hasSealed = rows.some(({ id, sealing_since }) => id === first && sealing_since !== null)
    if (hasSealed || currentOf(rows).id !== next) return false
    for (const column of sealedColumns) if ((await tx.sealedCells.countOf(column, first)) > 0) return false
    await tx.sealingKeys.remove(first)
    return true
  })
  if (isOver) keepNextSealingKey(config.state_dir)
  return isOver
}
