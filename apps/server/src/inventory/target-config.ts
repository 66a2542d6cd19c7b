import type { Config } from '../connectors/marked-schema.js'
import { openConfig } from '../connectors/sealed-config.js'
import type { Services } from '../services.js'
import type { TargetRow } from '../store/targets.js'

/** The cell that holds a target's secrets. */
export function placeOfTarget(id: string) {
  return { table: 'targets', id, column: 'secrets' }
}

/** A target's configuration as the operator gave it, secrets included: for the agent that owns it, and nobody else. */
export function openTargetConfig(
  { sealing }: Pick<Services, 'sealing'>,
  row: Pick<TargetRow, 'id' | 'config' | 'secrets'>,
): Config {
  return openConfig(sealing, row, placeOfTarget(row.id))
}
