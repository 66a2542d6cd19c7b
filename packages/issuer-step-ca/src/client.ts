import type { HttpClient, HttpResponse, IssuerHost, JsonValue } from '@certctl/core'
import type { Config } from './config.js'
import { readTrust } from './trust.js'

export interface Call {
  method: 'GET' | 'POST'
  path: string
  query?: Readonly<Record<string, string | number | undefined>> | undefined
  json?: JsonValue | undefined
  signal: AbortSignal
}
/** Sends one request; answers of any status are results. */
export type Client = (call: Call) => Promise<HttpResponse>

/** Speaks to step-ca under its root. That is read for each call, so that a new file takes effect; connections are kept while it is the same. */
export function createClient(config: Config, host: IssuerHost): Client {
  let open: { caPem: string | undefined; http: HttpClient } | undefined
  return async ({ method, path, query, json, signal }) => {
    const caPem = await readTrust(config, host, signal)
    if (open === undefined || open.caPem !== caPem)
      open = { caPem, http: host.http({ baseUrl: config.ca_url, tls: { caPem }, maxResponseBytes: 16_777_216 }) }
    return await open.http.request({ method, path, query, json, signal })
  }
}
