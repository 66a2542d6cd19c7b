import type { Agent } from '@certctl/api'
import type { AgentRow } from '../store/agents.js'

/** An agent not heard of for so long is offline. */
export const silentMs = 120_000

/** An agent as the wire shows it. */
export function agentView(row: AgentRow, now: Date): Agent {
  return {
    id: row.id,
    name: row.name,
    hostname: row.hostname,
    status: statusOf(row, now),
    ...(row.last_heartbeat_at === null ? {} : { last_heartbeat_at: row.last_heartbeat_at.toISOString() }),
    registered_at: row.registered_at.toISOString(),
    os: row.os,
    architecture: row.architecture,
    ip_address: row.ip_address,
    version: row.version,
    ...(row.retired_at === null ? {} : { retired_at: row.retired_at.toISOString() }),
    ...(row.retired_reason === null ? {} : { retired_reason: row.retired_reason }),
  }
}

/** Degraded: two machines run with this agent's identity. */
function statusOf(row: AgentRow, now: Date): Agent['status'] {
  const heard = row.last_heartbeat_at
  if (row.retired_at !== null || heard === null || heard.getTime() <= now.getTime() - silentMs) return 'Offline'
  return row.cloned_at === null ? 'Online' : 'Degraded'
}
