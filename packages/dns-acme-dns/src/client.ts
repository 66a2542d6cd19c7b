import { CertctlError, type Host, type HttpResponse, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import { type Account, type Registration, registrationSchema } from './account.js'
import type { Config } from './config.js'

const faultSchema = z.object({ error: z.string().max(200) })

const remedies: Readonly<Record<string, string>> = {
  forbidden:
    'the registration is not known there, its password is wrong, or its allow-from list does not hold the address of this server',
  invalid_allowfrom_cidr: 'compare allow_from',
  bad_txt: 'the value is no answer to a dns-01 challenge',
  db_error: 'its database failed; look at its log',
}

export type AcmeDnsClient = ReturnType<typeof createClient>

/** The API of acme-dns: register, update, health. */
export function createClient({ server_url, allow_from, ca_pem }: Config, host: Pick<Host, 'http'>) {
  const http = host.http({ baseUrl: server_url, tls: { caPem: ca_pem } })
  const update = async ({ username, password, subdomain }: Account, txt: string, signal: AbortSignal) => {
    const headers = { 'X-Api-User': username, 'X-Api-Key': password.reveal() }
    return await http.request({ method: 'POST', path: '/update', headers, json: { subdomain, txt }, signal })
  }

  return {
    /** Puts a value in the place of the one that was written longest ago. */
    async publish(account: Account, value: string, signal: AbortSignal): Promise<void> {
      const what = `acme-dns, publishing for ${account.domain}`
      const response = await update(account, value, signal)
      const { txt } = shaped(z.object({ txt: z.string() }), fine(response, [200], what).json(), what)
      if (txt !== value) throw new CertctlError('upstream_protocol', `${what}: it kept another value than it was given`)
    },

    /** Asks for an update that acme-dns refuses after it has looked who asks; changes nothing. */
    async checkAccess(account: Account, signal: AbortSignal): Promise<void> {
      const what = `acme-dns, asking for access to the registration of ${account.domain}`
      const response = await update(account, '', signal)
      if (faultOf(response) !== 'bad_txt') fine(response, [400], what)
    },

    async register(domain: string, signal: AbortSignal): Promise<Registration> {
      const what = `acme-dns, registering ${domain}`
      const response = await http.request({
        method: 'POST',
        path: '/register',
        json: { allowfrom: allow_from },
        signal,
      })
      if (response.status === 404)
        throw new CertctlError(
          'not_found',
          `${what}: it takes no registrations, or server_url is not that of its API; put an existing registration into accounts`,
        )
      return shaped(registrationSchema, fine(response, [201], what).json(), what)
    },

    async checkHealth(signal: AbortSignal): Promise<void> {
      fine(await http.request({ method: 'GET', path: '/health', signal }), [200], 'acme-dns, asking how it is')
    },
  }
}

function fine(response: HttpResponse, accepted: readonly number[], what: string): HttpResponse {
  const fault = faultOf(response)
  const remedy = fault === undefined ? undefined : remedies[fault]
  const said =
    fault === undefined
      ? ''
      : ` (${remedy === undefined ? fault.replace(/[^\x20-\x7e]/g, ' ') : `${fault}: ${remedy}`})`
  return expectStatus(response, accepted, `${what}${said}`)
}

function faultOf(response: HttpResponse): string | undefined {
  if (response.status < 400 || !response.text().trimStart().startsWith('{')) return undefined
  try {
    return faultSchema.safeParse(JSON.parse(response.text())).data?.error
  } catch {
    return undefined
  }
}

function shaped<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', `${what}: the answer has another shape than the API's`)
}
