import {
  CertctlError,
  type Host,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  messageOf,
  Secret,
} from '@certctl/core'
import type { Config } from './config.js'
import { readIssuedToken, type TokenSource } from './token.js'

/** Sends requests to EJBCA's REST interface as who we are; answers of any status are results. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>

const maxResponseBytes = 4 * 1024 * 1024

/** Keys and certificates are files that are renewed: they are read for each request, and a connection is made anew where they changed. */
export function createTransport(config: Config, host: Host): Send {
  const baseUrl = baseUrlOf(config.api_url)
  const tokens = createTokens(config, host)
  let current: { material: string; client: HttpClient } | undefined

  const clientOf = async (): Promise<HttpClient> => {
    const tls = await readTls(config, host)
    const material = Object.values(tls).join('\n')
    if (current?.material !== material) {
      const { caPem, certificatePem, privateKeyPem } = tls
      const privateKey = privateKeyPem === undefined ? undefined : new Secret(privateKeyPem)
      const client = host.http({ baseUrl, maxResponseBytes, tls: { caPem, certificatePem, privateKeyPem: privateKey } })
      current = { material, client }
    }
    return current.client
  }

  return async (request) => {
    const client = await clientOf()
    if (tokens === undefined) return await client.request(request)
    const { token, isKept } = await tokens.get(request.signal)
    const response = await client.request(withToken(request, token))
    if (!isKept || (response.status !== 401 && response.status !== 403)) return response
    // A token can end before its time; what was refused has not happened.
    tokens.forget()
    return await client.request(withToken(request, (await tokens.get(request.signal)).token))
  }
}

/** Most write the address without the path, and some write it with the version. */
export function baseUrlOf(apiUrl: string): string {
  const plain = apiUrl.replace(/\/+$/, '').replace(/\/v\d+$/, '')
  if (plain.includes('/ejbca-rest-api')) return plain
  return plain.endsWith('/ejbca') ? `${plain}/ejbca-rest-api` : `${plain}/ejbca/ejbca-rest-api`
}

function withToken(request: HttpRequest, token: Secret): HttpRequest {
  return { ...request, headers: { ...request.headers, Authorization: new Secret(`Bearer ${token.reveal()}`) } }
}

function createTokens({ auth_mode, token, ...config }: Config, host: Host): TokenSource | undefined {
  if (auth_mode === 'mtls') return undefined
  if (token !== undefined) return { get: async () => ({ token, isKept: false }), forget: () => undefined }
  return createIssuedTokens(config, host)
}

/** Keeps a token until half a minute before its end. */
function createIssuedTokens(config: Omit<Config, 'auth_mode' | 'token'>, host: Host): TokenSource {
  const { token_url, client_id, client_secret, scope } = config
  let kept: { token: Secret; until: number } | undefined
  return {
    async get(signal) {
      if (kept !== undefined && host.now().getTime() < kept.until) return { token: kept.token, isKept: true }
      const client = host.http({ baseUrl: token_url ?? '', maxResponseBytes: 65_536 })
      const form = { grant_type: 'client_credentials', client_id, client_secret, scope }
      const response = await client.request({ method: 'POST', path: token_url ?? '', form, signal })
      const { token, seconds } = readIssuedToken(response)
      kept = { token, until: host.now().getTime() + (seconds - 30) * 1000 }
      return { token, isKept: false }
    },
    forget: () => {
      kept = undefined
    },
  }
}

async function readTls({ server_ca_path, client_cert_path, client_key_path }: Config, host: Host) {
  const [caPem, certificatePem, privateKeyPem] = await Promise.all(
    [server_ca_path, client_cert_path, client_key_path].map(async (path) => path && (await readText(host, path))),
  )
  return { caPem, certificatePem, privateKeyPem }
}

async function readText(host: Host, path: string): Promise<string> {
  try {
    return Buffer.from(await host.files.read(path, { maxBytes: 1_048_576 })).toString('utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `The file ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
