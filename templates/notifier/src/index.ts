import { CertctlError, defineNotifier, type ErrorCode, type HttpResponse, type Message, secret, url, z } from '@certctl/core'

export const configSchema = z.strictObject({
  url: url().describe("Address of the service's API."),
  api_key: secret().describe('Key that may send messages.'),
})

const severities: Readonly<Record<Message['severity'], string>> = { info: 'low', warning: 'normal', critical: 'high' }

/** Sends each message once: the service folds what carries the same key. */
export default defineNotifier({
  type: 'Example',
  displayName: 'Example',
  configSchema,
  environment: [
    {
      id: 'notifier-example',
      name: 'Example',
      when: 'CERTCTL_EXAMPLE_API_KEY',
      variables: { url: 'CERTCTL_EXAMPLE_URL', api_key: 'CERTCTL_EXAMPLE_API_KEY' },
    },
  ],
  capabilities: { deduplicates: true, resolves: false, recipients: 'fixed' },

  create(config, host) {
    const service = host.http({
      baseUrl: config.url,
      headers: { authorization: `Bearer ${config.api_key.reveal()}` },
      timeLimitSeconds: 10,
      statusOnly: true,
    })
    return {
      async send({ id, title, text, severity, signal }) {
        const json = { key: id, title: oneLine(title), text, priority: severities[severity] }
        requireAccepted(await service.request({ method: 'POST', path: '/messages', json, signal }))
        return { reference: id }
      },

      async test(signal) {
        requireAccepted(await service.request({ method: 'GET', path: '/me', signal }))
        return { detail: 'The service answers and accepts the key' }
      },
    }
  },
})

function oneLine(title: string): string {
  return title.replace(/\s+/g, ' ').slice(0, 200)
}

const codes: Readonly<Record<number, ErrorCode>> = {
  408: 'upstream_unavailable',
  410: 'gone',
  425: 'upstream_unavailable',
  429: 'rate_limited',
}

/** Only the service's own acceptance is success; what it refuses for good is not tried again. */
function requireAccepted({ status, retryAfterSeconds }: HttpResponse): void {
  if (status >= 200 && status < 300) return
  const code = codes[status] ?? (status >= 500 ? 'upstream_unavailable' : 'upstream_rejected')
  throw new CertctlError(code, `Example answered ${status}`, { retryAfterSeconds })
}
