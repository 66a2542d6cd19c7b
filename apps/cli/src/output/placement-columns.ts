import type { Placement } from '@certctl/api'
import type { Column } from './table.js'
import { agoText } from './time-text.js'

/** Placements as every table shows them: what should be there, what is, and why not. */
export function placementColumns(now: Date): Column<Placement>[] {
  return [
    { title: 'CERTIFICATE', value: ({ certificate_name, certificate_id }) => certificate_name ?? certificate_id },
    { title: 'TARGET', value: ({ target_name }) => target_name },
    { title: 'AGENT', value: ({ agent_name }) => agent_name },
    { title: 'STATE', value: ({ state }) => state },
    { title: 'DESIRED', value: ({ desired_fingerprint }) => shortFingerprint(desired_fingerprint) },
    { title: 'DEPLOYED', value: ({ deployed_fingerprint }) => shortFingerprint(deployed_fingerprint) },
    { title: 'SERVED', value: ({ served_fingerprint }) => shortFingerprint(served_fingerprint) },
    { title: 'CAUSE', value: causeText },
    { title: 'NEXT ATTEMPT', value: ({ next_attempt_at }) => agoText(next_attempt_at, now) },
  ]
}

function causeText({ cause, window_at }: Placement): string | undefined {
  const waits =
    window_at === undefined ? undefined : `waits for its window at ${window_at.slice(0, 16).replace('T', ' ')}Z`
  const said = cause === undefined ? undefined : `${cause.code}: ${cause.message}`
  return said === undefined || waits === undefined ? (said ?? waits) : `${said}; ${waits}`
}

function shortFingerprint(fingerprint: string | undefined): string | undefined {
  return fingerprint?.slice(0, 12)
}
