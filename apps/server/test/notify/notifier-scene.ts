import { createRegistry, defineNotifier, type Message, z } from '@certctl/core'
import { sendDue } from '../../src/notify/send-due.js'
import { createTestServices, type TestServices } from '../postgres.js'

export type Told = { to: string } & Pick<Message, 'id' | 'event' | 'resolves' | 'title'>

export interface NotifierScene {
  services: TestServices
  told: Told[]
  /** By notifier: what its next sends fail with, or wait for; when it is used up they are accepted. */
  fails: Record<string, (Error | (() => Promise<void>))[]>
  add(id: string): Promise<void>
  notify(): Promise<void>
  /** Of all events, the oldest first: type, and whether it is over. */
  events(): Promise<string[]>
}

/** Notifiers that say what they were told. */
export async function createNotifierScene(): Promise<NotifierScene> {
  const told: Told[] = []
  const fails: NotifierScene['fails'] = {}
  const definition = defineNotifier({
    type: 'Channel',
    displayName: 'A channel for tests',
    configSchema: z.strictObject({ to: z.string().describe('Where to.') }),
    capabilities: { deduplicates: true, resolves: true, recipients: 'fixed' },
    create: ({ to }) => ({
      async send({ id, event, resolves, title }) {
        const fault = fails[to]?.shift()
        if (fault instanceof Error) throw fault
        await fault?.()
        told.push({ to, id, event, resolves, title })
        return {}
      },
    }),
  })
  const registry = createRegistry()
  registry.add({ kind: 'notifier', definition, package: 'channel', version: '1' })
  const services = await createTestServices({ registry })
  const { store, clock } = services
  return {
    services,
    told,
    fails,
    async add(id) {
      const [created_at, updated_at] = [clock.now(), clock.now()]
      const config = JSON.stringify({ to: id })
      const row = { id, name: id, kind: 'notifier', type: 'Channel', config, secrets: null, source: 'api' } as const
      await store.connections.insert({ ...row, created_at, updated_at })
    },
    notify: async () => await sendDue(services, new AbortController().signal),
    async events() {
      const { rows } = await store.events.page({}, { limit: 99, count: false })
      return rows.toReversed().map(({ type, resolved_at }) => (resolved_at === null ? type : `${type} (over)`))
    },
  }
}
