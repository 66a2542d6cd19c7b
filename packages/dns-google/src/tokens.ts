import { CertctlError, type Host, Secret, z } from '@certctl/core'
import { importPKCS8, SignJWT } from 'jose'
import type { Config } from './config.js'
import { expectFine, shaped } from './refusals.js'
import { keyOf, type ServiceAccountKey } from './service-account-key.js'

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() })
const scope = 'https://www.googleapis.com/auth/ndev.clouddns.readwrite'
/** A token is not used in its last minutes: it must live as long as a request. */
const spareSeconds = 300
const assertionSeconds = 3600

type TokenAnswer = z.output<typeof tokenSchema>
export interface Tokens {
  /** `fresh`: it was given out for this call. */
  get(signal: AbortSignal): Promise<{ token: Secret; fresh: boolean }>
  forget(): void
  /** The project of the key or of the machine. */
  project(signal: AbortSignal): Promise<string>
}

/** Tokens for Cloud DNS, by a service account's key or from the metadata server. */
export function createTokens(config: Config, host: Pick<Host, 'http' | 'now'>): Tokens {
  let kept: { token: Secret; until: number } | undefined
  const key = config.credentials === undefined ? undefined : keyOf(config.credentials)
  const source = key === undefined ? metadataOf(config, host) : signInWith(key, host)
  return {
    async get(signal) {
      if (kept !== undefined && host.now().getTime() < kept.until) return { token: kept.token, fresh: false }
      const { access_token, expires_in } = await source.ask(signal)
      const token = new Secret(access_token)
      kept = { token, until: host.now().getTime() + Math.max(0, expires_in - spareSeconds) * 1000 }
      return { token, fresh: true }
    },
    forget() {
      kept = undefined
    },
    project: async (signal) => config.project ?? (await source.project(signal)),
  }
}

interface Source {
  ask(signal: AbortSignal): Promise<TokenAnswer>
  project(signal: AbortSignal): Promise<string>
}

/** RFC 7523 §2.1, as Google's service accounts do it. */
function signInWith(key: ServiceAccountKey, host: Pick<Host, 'http' | 'now'>): Source {
  const { origin, pathname } = new URL(key.token_uri)
  const http = host.http({ baseUrl: origin })
  const what = `Google, asking for a token of ${key.client_email}`
  return {
    async ask(signal) {
      const assertion = new Secret(await assertionOf(key, host.now()))
      const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }
      const response = await http.request({ method: 'POST', path: pathname, form, signal })
      return shaped(tokenSchema, expectFine(response, what).json(), what)
    },
    async project() {
      if (key.project_id !== undefined) return key.project_id
      throw new CertctlError('config_invalid', 'The service account key names no project; set project')
    },
  }
}

async function assertionOf(key: ServiceAccountKey, now: Date): Promise<string> {
  const seconds = Math.floor(now.getTime() / 1000)
  const privateKey = await importPKCS8(key.private_key, 'RS256').catch(() => {
    throw new CertctlError(
      'config_invalid',
      `The private key of ${key.client_email} cannot be read; take the JSON as Google gave it out`,
    )
  })
  const header = { alg: 'RS256', typ: 'JWT', ...(key.private_key_id !== undefined && { kid: key.private_key_id }) }
  return await new SignJWT({ scope })
    .setProtectedHeader(header)
    .setIssuer(key.client_email)
    .setAudience(key.token_uri)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + assertionSeconds)
    .sign(privateKey)
}

function metadataOf({ metadata_endpoint }: Config, host: Pick<Host, 'http'>): Source {
  const http = host.http({ baseUrl: metadata_endpoint, timeLimitSeconds: 10 })
  const what = 'The Google metadata server, asking for the service account of this machine'
  const get = async (path: string, signal: AbortSignal) => {
    const headers = { 'Metadata-Flavor': 'Google' }
    return expectFine(await http.request({ method: 'GET', path: `/computeMetadata/v1${path}`, headers, signal }), what)
  }
  return {
    ask: async (signal) =>
      shaped(tokenSchema, (await get('/instance/service-accounts/default/token', signal)).json(), what),
    project: async (signal) =>
      shaped(z.string().regex(/^[a-z0-9:.-]{1,100}$/), (await get('/project/project-id', signal)).text(), what),
  }
}
