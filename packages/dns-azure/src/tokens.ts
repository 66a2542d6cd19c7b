import { CertctlError, type Host, type HttpResponse, Secret, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import type { Config } from './config.js'
import { saidBy, shaped } from './refusals.js'

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive() })
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** A token is not used in its last minutes: it must live as long as a request. */
const spareSeconds = 300
const mostTokenBytes = 16_384

export interface Tokens {
  /** `fresh`: it was given out for this call. */
  get(signal: AbortSignal): Promise<{ token: Secret; fresh: boolean }>
  forget(): void
}

/** Tokens for Azure Resource Manager: by client secret, by the token of a workload identity, or by a managed identity. */
export function createTokens(config: Config, host: Pick<Host, 'http' | 'files' | 'now'>): Tokens {
  let kept: { token: Secret; until: number } | undefined
  const request = requestOf(config, host)
  return {
    async get(signal) {
      if (kept !== undefined && host.now().getTime() < kept.until) return { token: kept.token, fresh: false }
      const { access_token, expires_in } = await request(signal)
      const token = new Secret(access_token)
      kept = { token, until: host.now().getTime() + Math.max(0, expires_in - spareSeconds) * 1000 }
      return { token, fresh: true }
    },
    forget() {
      kept = undefined
    },
  }
}

type TokenAnswer = z.output<typeof tokenSchema>

function requestOf(config: Config, host: Pick<Host, 'http' | 'files'>): (signal: AbortSignal) => Promise<TokenAnswer> {
  const { client_secret, federated_token_file } = config
  if (client_secret === undefined && federated_token_file === undefined) return askMetadata(config, host)
  const login = host.http({ baseUrl: config.loginEndpoint })
  const what = 'Microsoft Entra ID, asking for a token'
  return async (signal) => {
    const assertion = federated_token_file === undefined ? undefined : await readAssertion(host, federated_token_file)
    const form = {
      grant_type: 'client_credentials',
      client_id: config.client_id,
      client_secret,
      client_assertion: assertion,
      client_assertion_type: assertion === undefined ? undefined : assertionType,
      scope: `${config.endpoint}/.default`,
    }
    const path = `/${config.tenant_id}/oauth2/v2.0/token`
    const response = await login.request({ method: 'POST', path, form, signal })
    const secrets = [client_secret, assertion].filter((secret) => secret !== undefined)
    return answerOf(response, what, secrets)
  }
}

async function readAssertion(host: Pick<Host, 'files'>, path: string): Promise<Secret> {
  const text = new TextDecoder().decode(await host.files.read(path, { maxBytes: mostTokenBytes })).trim()
  // What is no token is not sent to anybody.
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return new Secret(text)
  throw new CertctlError(
    'config_invalid',
    `${path} holds no token; is federated_token_file the file of the workload identity?`,
  )
}

function askMetadata(config: Config, host: Pick<Host, 'http'>): (signal: AbortSignal) => Promise<TokenAnswer> {
  const metadata = host.http({ baseUrl: config.identity_endpoint, timeLimitSeconds: 10 })
  const query = { 'api-version': '2018-02-01', resource: `${config.endpoint}/`, client_id: config.client_id }
  const path = '/metadata/identity/oauth2/token'
  return async (signal) => {
    const response = await metadata.request({ method: 'GET', path, query, headers: { Metadata: 'true' }, signal })
    return answerOf(response, 'The Azure metadata service, asking for a token of the managed identity', [])
  }
}

function answerOf(response: HttpResponse, what: string, secrets: readonly Secret[]): TokenAnswer {
  const { sentence } = saidBy(response, secrets)
  return shaped(tokenSchema, expectStatus(response, [200], `${what}${sentence}`).json(), what)
}
