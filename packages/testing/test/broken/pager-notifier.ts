import {
  CertctlError,
  defineNotifier,
  type ErrorCode,
  type Host,
  type HttpClient,
  type HttpResponse,
  type Message,
  type NotifierCapabilities,
  type NotifierConnector,
  type NotifierDefinition,
  secret,
  z,
} from '@certctl/core'

export const configSchema = z.strictObject({
  url: secret().describe('Address of the service; whoever knows it may send.'),
  routing_key: secret().describe('Which service is paged.'),
})
export type Config = z.output<typeof configSchema>

export interface Bench {
  config: Config
  host: Host
  http: HttpClient
}

/** What a correct notifier for this service is made of; each broken one is this with one part exchanged. */
export interface Parts {
  type: string
  schema: z.ZodType<Config>
  capabilities: NotifierCapabilities
  created(host: Host): void
  send: (bench: Bench, message: Message) => ReturnType<NotifierConnector['send']>
  dedupKey(message: Message): string | undefined
  summary(message: Message): string
  requireAccepted(response: HttpResponse, bench: Bench): void
  extra(bench: Bench): object
}

const codes: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  408: 'upstream_unavailable',
  410: 'gone',
  429: 'rate_limited',
}

export const sound: Parts = {
  type: 'Pager',
  schema: configSchema,
  capabilities: { deduplicates: true, resolves: false, recipients: 'fixed' },
  created: () => undefined,
  send: post,
  dedupKey: ({ id }) => id,
  summary: ({ title }) => title.replace(/\s+/g, ' ').slice(0, 1024),
  requireAccepted({ status, retryAfterSeconds }) {
    if (status === 202) return
    const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_rejected')
    throw new CertctlError(code, `The pager answered ${status}`, { retryAfterSeconds })
  },
  extra: () => ({}),
}

export async function post(bench: Bench, message: Message): ReturnType<NotifierConnector['send']> {
  const parts = partsOf(bench)
  const json = {
    routing_key: bench.config.routing_key.reveal(),
    dedup_key: parts.dedupKey(message),
    summary: parts.summary(message),
  }
  const response = await bench.http.request({ method: 'POST', path: '/enqueue', json, signal: message.signal })
  parts.requireAccepted(response, bench)
  return { reference: message.id }
}

function partsOf(bench: Bench): Parts {
  return 'parts' in bench ? (bench.parts as Parts) : sound
}

export function pagerNotifier(parts: Partial<Parts> = {}): NotifierDefinition<Config> {
  const p = { ...sound, ...parts }
  return defineNotifier({
    type: p.type,
    displayName: 'Pager',
    configSchema: p.schema,
    capabilities: p.capabilities,
    create(config, host): NotifierConnector {
      p.created(host)
      const bench: Bench & { parts: Parts } = { config, host, http: host.http({ baseUrl: config.url }), parts: p }
      return {
        send: (message) => p.send(bench, message),
        async test(signal) {
          const { status } = await bench.http.request({ method: 'GET', path: '/status', signal })
          return { detail: `The pager answered ${status}` }
        },
        ...p.extra(bench),
      }
    },
  })
}
