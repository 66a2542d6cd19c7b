import type { Notifier } from '@certctl/api'
import type { Column } from '../../output/table.js'

/** What the server itself runs: as all kinds of it are on the wire. */
type ServerConnection = Notifier

/** How issuers, notifiers and DNS providers are listed. */
export const serverColumns: readonly Column<ServerConnection>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'TYPE', value: ({ type }) => type },
  { title: 'STATE', value: stateOf },
  { title: 'TESTED', value: ({ test_status }) => test_status },
  { title: 'SOURCE', value: ({ source }) => source },
]

/** What is said of one beyond what all connections have. */
export function serverFields(item: ServerConnection): readonly (readonly [string, string | undefined])[] {
  return [['unavailable', item.available ? undefined : (item.unavailable_reason ?? 'its connector is missing')]]
}

function stateOf({ available, enabled }: ServerConnection): string {
  if (!available) return 'unavailable'
  return enabled ? 'enabled' : 'disabled'
}
