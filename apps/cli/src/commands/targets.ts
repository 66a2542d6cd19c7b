import { operations, type Target } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import type { ConnectionNoun } from './connections/noun.js'
import { connectionVerbs } from './connections/verbs.js'
import { windowText } from './connections/window-option.js'

const noun: ConnectionNoun<Target> = {
  plural: 'targets',
  singular: 'target',
  aSingular: 'a target',
  kind: 'target',
  example: {
    type: 'files',
    id: 'web-1',
    settings: `--set files='[{"path":"/etc/ssl/site.pem","content":"combined"}]'`,
    change: '--set grace=8h',
  },
  hasAgent: true,
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'TYPE', value: ({ type }) => type },
    { title: 'AGENT', value: ({ agent_id }) => agent_id },
    { title: 'STATE', value: stateOf },
    { title: 'TESTED', value: ({ test_status }) => test_status },
  ],
  fields: (item) => [
    ['agent', item.agent_id],
    ...(item.windows ?? []).map((window) => ['window', windowText(window)] as const),
    ['retired', item.retired_at],
    ['retired because', item.retired_reason],
  ],
  list: (client, query) => client.listTargets({ query }),
  get: (client, id) => client.getTarget({ params: { id } }),
  create: (client, given) => client.createTarget({ body: parseBody(operations.createTarget, given) }),
  update: (client, id, given) =>
    client.updateTarget({ params: { id }, body: parseBody(operations.updateTarget, given) }),
  remove: (client, id) => client.deleteTarget({ params: { id } }),
  test: async (client, id) => {
    const { body } = await client.testTarget({ params: { id } })
    return { body, ok: body.status === 'success', text: body.message }
  },
}

export const targetVerbs = connectionVerbs(noun)

function stateOf({ retired_at, enabled }: Target): string {
  if (retired_at !== undefined) return 'retired'
  return enabled ? 'enabled' : 'disabled'
}
