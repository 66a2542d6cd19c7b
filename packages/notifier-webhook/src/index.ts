import {
  CertctlError,
  defineNotifier,
  type ErrorCode,
  type HttpResponse,
  type JsonValue,
  type Message,
} from '@certctl/core'
import { type Config, configSchema } from './config.js'
import { signatureOf } from './signature.js'

export { configSchema }

const timeLimitSeconds = 10
/** Receivers are asked for a status, not for a page: so much of one goes by for a connection that is kept. */
const maxResponseBytes = 64 * 1024

/** Posts each message as signed JSON. Only a 2xx is success; redirects are not followed. */
export default defineNotifier({
  type: 'Webhook',
  displayName: 'Webhook',
  configSchema,
  environment: [
    {
      id: 'notifier-webhook',
      name: 'Webhook',
      when: 'CERTCTL_WEBHOOK_URL',
      variables: {
        url: 'CERTCTL_WEBHOOK_URL',
        secret: 'CERTCTL_WEBHOOK_SECRET',
        second_secret: 'CERTCTL_WEBHOOK_SECOND_SECRET',
        allow_private_addresses: 'CERTCTL_WEBHOOK_ALLOW_PRIVATE_ADDRESSES',
        ca_pem: 'CERTCTL_WEBHOOK_CA_PEM',
      },
    },
  ],
  // A receiver knows a repetition by X-Certctl-Delivery; whether it looks is its own business.
  capabilities: { deduplicates: false, resolves: true, recipients: 'fixed' },

  create(config, host) {
    const receiver = host.http({
      baseUrl: config.url,
      tls: { caPem: config.ca_pem },
      timeLimitSeconds,
      maxResponseBytes,
      statusOnly: true,
      addresses: config.allow_private_addresses ? 'any' : 'public-only',
    })
    return {
      async send(message) {
        const body = new TextEncoder().encode(JSON.stringify(bodyOf(message)))
        const headers = headersOf(config, message, { body, now: host.now() })
        const { signal } = message
        // The whole address is the path: a slash at its end and every byte of its query belong to it.
        requireAccepted(await receiver.request({ method: 'POST', path: config.url, headers, body, signal }))
        return { reference: message.id }
      },

      async test(signal) {
        const { status } = await receiver.request({ method: 'HEAD', path: config.url, signal })
        return { detail: `The receiver can be reached (it answers ${status} to HEAD); nothing was posted` }
      },
    }
  },
})

function bodyOf({ id, event, at, data, severity, title, text, facts, links, resolves }: Message): JsonValue {
  return {
    id,
    type: event,
    created_at: at.toISOString(),
    version: 1,
    severity,
    title,
    text,
    facts,
    links,
    resolves,
    data,
  }
}

function headersOf(config: Config, message: Message, { body, now }: { body: Uint8Array; now: Date }) {
  const timestamp = String(Math.floor(now.getTime() / 1000))
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'certctl',
    'X-Certctl-Event': message.event,
    'X-Certctl-Delivery': message.id,
    'X-Certctl-Timestamp': timestamp,
    'X-Certctl-Signature': signatureOf([config.secret, config.second_secret], { timestamp, body }),
  }
}

const codes: Readonly<Record<number, ErrorCode>> = {
  408: 'upstream_unavailable',
  410: 'gone',
  425: 'upstream_unavailable',
  429: 'rate_limited',
}

function requireAccepted({ status, retryAfterSeconds }: HttpResponse): void {
  if (status >= 200 && status < 300) return
  const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_rejected')
  throw new CertctlError(code, `The webhook receiver answered ${status}${remedyOf(status)}`, { retryAfterSeconds })
}

function remedyOf(status: number): string {
  if (status === 410) return ': it wants no more messages; remove the notifier or give it another address'
  if (status >= 300 && status < 400) return ': redirects are not followed; configure the address it leads to'
  if (status === 401 || status === 403) return ': compare the secret on both sides'
  return ''
}
