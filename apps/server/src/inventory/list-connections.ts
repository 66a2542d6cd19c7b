import { unknownConnection } from '../connectors/connections.js'
import type { ServerKind } from '../connectors/kind-words.js'
import type { Services } from '../services.js'
import type { ConnectionFilter, ConnectionRow } from '../store/connections.js'
import type { Page, PageRequest } from '../store/page.js'

export async function listConnections(
  { store }: Pick<Services, 'store'>,
  filter: ConnectionFilter,
  request: PageRequest,
): Promise<Page<ConnectionRow>> {
  return await store.connections.page(filter, request)
}

export async function getConnection(
  { store }: Pick<Services, 'store'>,
  kind: ServerKind,
  id: string,
): Promise<ConnectionRow> {
  const row = await store.connections.get(kind, id)
  if (row === undefined) throw unknownConnection(kind, id)
  return row
}
