import { CertctlError, type Host, type HttpClient, type HttpRequest, messageOf } from '@certctl/core'
import type { Config } from '../config.js'
import { type Answer, answerOf } from './answer.js'
import { type Directory, parseDirectory } from './directory.js'
import { errorOf } from './problem.js'

/** The way to one ACME server. Holds what may be forgotten: connections, nonces and the directory. */
export interface Transport {
  directory(signal: AbortSignal): Promise<Directory>
  /** Any answer is a result. Redirects are not followed, and other hosts than the directory's refused (`policy_denied`). */
  request(request: Pick<HttpRequest, 'method' | 'body'> & { url: string; signal: AbortSignal }): Promise<Answer>
  /** A nonce that some answer brought, or a new one (RFC 8555 §7.2). */
  nonce(signal: AbortSignal): Promise<string>
}

/** Nonces live for minutes at most servers; more than these are never in flight. */
const mostNonces = 32
const directorySeconds = 3600
/** Long chains and big problem documents are a few kilobytes. */
const maxResponseBytes = 1_048_576
const userAgent = 'certctl-issuer-acme/0.1 acme-client/5.4.0'

export function createTransport(config: Config, host: Host): Transport {
  const nonces: string[] = []
  let opened: { caPem: string | undefined; client: HttpClient } | undefined
  let known: { directory: Directory; until: number } | undefined

  const client = async (): Promise<HttpClient> => {
    const caPem = await readBundle(config, host)
    if (opened === undefined || opened.caPem !== caPem) opened = { caPem, client: open(config, host, caPem) }
    return opened.client
  }

  const request: Transport['request'] = async ({ method, url, body, signal }) => {
    requireRunning(signal)
    const contentType = body === undefined ? {} : { 'content-type': 'application/jose+json' }
    const headers = { 'user-agent': userAgent, ...contentType }
    const answer = answerOf(await (await client()).request({ method, path: url, body, headers, signal }))
    const { 'replay-nonce': nonce } = answer.headers
    // After badNonce the nonce of that very answer is used at once, so it must not be handed out again.
    if (nonce !== undefined && method !== 'HEAD' && answer.problem?.type !== 'badNonce') nonces.push(nonce)
    if (nonces.length > mostNonces) nonces.shift()
    return answer
  }

  const directory: Transport['directory'] = async (signal) => {
    const now = host.now().getTime()
    if (known !== undefined && now < known.until) return known.directory
    const answer = await request({ method: 'GET', url: config.directory_url, signal })
    if (answer.problem !== undefined) throw errorOf(answer.problem, 'its directory')
    known = { directory: parseDirectory(answer.data, config.directory_url), until: now + directorySeconds * 1000 }
    return known.directory
  }

  return {
    request,
    directory,
    async nonce(signal) {
      const pooled = nonces.pop()
      if (pooled !== undefined) return pooled
      const { newNonce } = await directory(signal)
      const answer = await request({ method: 'HEAD', url: newNonce, signal })
      if (answer.problem !== undefined) throw errorOf(answer.problem, 'a nonce')
      const { 'replay-nonce': fresh } = answer.headers
      if (fresh !== undefined) return fresh
      throw new CertctlError(
        'upstream_protocol',
        'The ACME server, asked for a nonce, gave none; a proxy may stand between',
      )
    },
  }
}

function open({ directory_url, request_timeout_seconds }: Config, host: Host, caPem: string | undefined): HttpClient {
  return host.http({
    baseUrl: new URL(directory_url).origin,
    tls: { caPem },
    timeLimitSeconds: request_timeout_seconds,
    maxResponseBytes,
  })
}

async function readBundle({ ca_bundle_path }: Config, host: Host): Promise<string | undefined> {
  if (ca_bundle_path === undefined) return undefined
  try {
    return Buffer.from(await host.files.read(ca_bundle_path, { maxBytes: maxResponseBytes })).toString('utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `ca_bundle_path ${ca_bundle_path} cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** Throws `aborted` where the caller wants no more. */
export function requireRunning(signal: AbortSignal): void {
  if (signal.aborted) throw new CertctlError('aborted', 'Interrupted; what was begun goes on with the next look')
}
