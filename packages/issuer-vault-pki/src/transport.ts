import {
  CertctlError,
  type HttpClient,
  type HttpResponse,
  type IssuerHost,
  type JsonValue,
  type Secret,
} from '@certctl/core'
import { splitCertificates } from '@certctl/pki'
import type { Config } from './config.js'

export interface Call {
  method: 'GET' | 'POST'
  /** Below /v1. */
  path: string
  json?: JsonValue | undefined
  token?: Secret | undefined
  /** `sys/health` exists in the root namespace only. */
  inRoot?: true | undefined
  signal: AbortSignal
}
export type Send = (call: Call) => Promise<HttpResponse>

/** Sends one request as it is; answers of any status are results. The CA file is read for each call, so that a renewed one takes effect; connections are kept while it is the same. */
export function createTransport(config: Config, host: IssuerHost): Send {
  let open: { caPem: string | undefined; http: HttpClient } | undefined

  const client = async (): Promise<HttpClient> => {
    const caPem = config.ca_cert === undefined ? undefined : await readCaFile(host, config.ca_cert)
    if (open === undefined || open.caPem !== caPem) {
      const headers = { 'x-vault-request': 'true' }
      open = { caPem, http: host.http({ baseUrl: config.addr, headers, tls: { caPem }, maxResponseBytes: 4_194_304 }) }
    }
    return open.http
  }

  return async ({ method, path, json, token, inRoot, signal }) => {
    const headers = {
      'x-vault-token': token,
      'x-vault-namespace': inRoot === true ? undefined : config.namespace,
    }
    return await (await client()).request({ method, path: `/v1/${path}`, json, headers, signal })
  }
}

const largestCaFile = 1_048_576

async function readCaFile(host: IssuerHost, path: string): Promise<string> {
  const text = Buffer.from(await host.files.read(path, { maxBytes: largestCaFile })).toString('latin1')
  const certificates = splitCertificates(text)
  if (certificates.length > 0) return certificates.join('')
  throw new CertctlError('config_invalid', `ca_cert: ${path} holds no certificate in PEM`)
}
