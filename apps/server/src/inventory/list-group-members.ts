import type { Services } from '../services.js'
import type { AgentRow } from '../store/agents.js'
import type { Page, PageRequest } from '../store/page.js'
import { isGroupMember } from './is-group-member.js'
import { agentGroupNoun } from './nouns/agent-group-noun.js'
import { getNoun } from './nouns/list-nouns.js'

/** A page of the agents that are in the group now, by id. */
export async function listGroupMembers(
  { store }: Pick<Services, 'store'>,
  groupId: string,
  { limit, offset = 0, after, count }: PageRequest,
): Promise<Page<AgentRow>> {
  const group = await getNoun({ store }, agentGroupNoun, groupId)
  const members = (await store.agents.listLive()).filter((agent) => isGroupMember(group, agent))
  const start = after === undefined ? offset : members.filter(({ id }) => id <= after.id).length
  const rows = members.slice(start, start + limit)
  const last = rows.at(-1)
  const page: Page<AgentRow> = count ? { rows, total: members.length } : { rows }
  if (last !== undefined && start + limit < members.length) page.next = { value: null, id: last.id }
  return page
}
