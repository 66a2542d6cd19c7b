import type { Config } from '../connectors/marked-schema.js'
import { openConfig, openConfigIfPossible } from '../connectors/sealed-config.js'
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

/** The same; where its secrets cannot be opened, a mask stands for each. To show, or to be merged with secrets that are given anew; not to be sealed as it is. */
export function readableTargetConfig(
  { sealing }: Pick<Services, 'sealing'>,
  row: Pick<TargetRow, 'id' | 'config' | 'secrets'>,
): Config {
  return openConfigIfPossible(sealing, row, placeOfTarget(row.id)) ?? (row.config as Config)
}
