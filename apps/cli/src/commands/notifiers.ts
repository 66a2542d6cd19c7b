import { type Notifier, operations } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import type { ConnectionNoun } from './connections/noun.js'
import { serverColumns, serverFields } from './connections/server-columns.js'
import { connectionVerbs } from './connections/verbs.js'

const noun: ConnectionNoun<Notifier> = {
  plural: 'notifiers',
  singular: 'notifier',
  aSingular: 'a notifier',
  kind: 'notifier',
  example: {
    type: 'webhook',
    id: 'notif-ops',
    settings: '--set url=@url.txt --set secret=@secret.txt',
    change: '--set secret=@new-secret.txt',
  },
  hasAgent: false,
  columns: serverColumns,
  fields: serverFields,
  list: (client, query) => client.listNotifiers({ query }),
  get: (client, id) => client.getNotifier({ params: { id } }),
  create: (client, given) => client.createNotifier({ body: parseBody(operations.createNotifier, given) }),
  update: (client, id, given) =>
    client.updateNotifier({ params: { id }, body: parseBody(operations.updateNotifier, given) }),
  remove: (client, id) => client.deleteNotifier({ params: { id } }),
  test: async (client, id) => {
    const { body } = await client.testNotifier({ params: { id } })
    return { body, ok: true, text: body.detail ?? 'connection successful' }
  },
}

export const notifierVerbs = connectionVerbs(noun)
