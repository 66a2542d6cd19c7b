import type { Agent } from '@certctl/api'
import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { Page, PageRequest } from '../store/page.js'
import { silentMs } from './agent-view.js'
import { unknownAgent } from './retire-agent.js'

export interface AgentFilter {
  retired: boolean
  name?: string | undefined
  status?: Agent['status'] | undefined
}

export async function listAgents(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { retired, name, status }: AgentFilter,
  request: PageRequest,
): Promise<Page<AgentRow>> {
  const since = new Date(clock.now().getTime() - silentMs)
  const cloned = status === undefined || status === 'Offline' ? undefined : status === 'Degraded'
  const heard = status === undefined ? undefined : { online: status !== 'Offline', since }
  return await store.agents.page({ retired, name, heard, cloned }, request)
}

/** Retired ones too. */
export async function getAgent({ store }: Pick<Services, 'store'>, id: string): Promise<AgentRow> {
  const row = await store.agents.get(id)
  if (row === undefined) throw unknownAgent(id)
  return row
}
