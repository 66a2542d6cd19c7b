import type { Target } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import type { ConfigSchema } from '../connectors/marked-schema.js'
import type { Services } from '../services.js'
import type { Page, PageRequest } from '../store/page.js'
import type { TargetFilter, TargetRow } from '../store/targets.js'
import { findTargetType } from './target-type.js'
import { targetView } from './target-view.js'

/** Targets that are not retired, as the wire shows them. */
export async function listTargets(
  services: Services,
  filter: TargetFilter,
  request: PageRequest,
): Promise<Page<Target>> {
  const page = await services.store.targets.page(filter, request)
  const viewOf = await targetViewer(services, page.rows)
  return { ...page, rows: page.rows.map(viewOf) }
}

/** One target, retired ones too. */
export async function getTarget(services: Services, id: string): Promise<Target> {
  const row = await services.store.targets.get(id)
  if (row === undefined) throw unknownTarget(id)
  const viewOf = await targetViewer(services, [row])
  return viewOf(row)
}

/** Shows targets; the schemas of their agents are read once. */
export async function targetViewer(
  services: Pick<Services, 'sealing' | 'store'>,
  rows: readonly TargetRow[],
): Promise<(row: TargetRow) => Target> {
  const agentIds = [...new Set(rows.map((row) => row.agent_id))]
  const reported = new Map(
    await Promise.all(agentIds.map(async (id) => [id, await services.store.connectorTypes.listOfAgent(id)] as const)),
  )
  return (row) => {
    const type = findTargetType(reported.get(row.agent_id) ?? [], row.type)
    return targetView(services, row, type?.schema as ConfigSchema | undefined)
  }
}

export function unknownTarget(id: string): CertctlError {
  return new CertctlError('not_found', `No target "${id}"; list them with: certctl targets list`)
}
