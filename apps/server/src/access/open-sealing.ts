import type { Config } from '../config.js'
import { createSealing, type Sealing } from './sealing.js'
import { generatedSealingKeys } from './sealing-key.js'

/** The keys this copy has: from its environment, the new one first; else from its state directory. */
export function openSealing(config: Config): Sealing {
  const { config_encryption_key: key, config_encryption_key_previous: previous } = config
  if (key === undefined) return createSealing(generatedSealingKeys(config.state_dir))
  return createSealing(previous === undefined ? [key] : [key, previous])
}
