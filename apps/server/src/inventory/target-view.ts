import type { Target } from '@certctl/api'
import type { ConfigSchema } from '../connectors/marked-schema.js'
import { maskConfig } from '../connectors/sealed-config.js'
import type { Services } from '../services.js'
import type { TargetRow } from '../store/targets.js'
import { readableTargetConfig } from './target-config.js'

/** A target as the wire shows it: secrets masked by the schema its agent reported, everything where it reported none. */
export function targetView(
  services: Pick<Services, 'sealing'>,
  row: TargetRow,
  schema: ConfigSchema | undefined,
): Target {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    agent_id: row.agent_id,
    config: maskConfig(schema, readableTargetConfig(services, row)),
    enabled: row.enabled,
    windows: row.windows.map((window) => ({ ...window })),
    ...(row.last_tested_at === null ? {} : { last_tested_at: row.last_tested_at.toISOString() }),
    test_status: row.test_status ?? 'untested',
    source: 'api',
    ...(row.retired_at === null ? {} : { retired_at: row.retired_at.toISOString() }),
    ...(row.retired_reason === null ? {} : { retired_reason: row.retired_reason }),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  }
}
