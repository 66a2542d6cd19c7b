import { agentOperations, agentWorkOperations, type ClientOf, createClient, type Send } from '@certctl/api'
import { type HttpClient, type HttpOptions, Secret, type TlsMaterial } from '@certctl/core'
import type { ServerTrust } from './identity.js'

const operations = { ...agentWorkOperations, joinAgent: agentOperations.joinAgent }
/** The part of the wire that agents speak, typed. */
export type ControlPlane = ClientOf<typeof operations>

interface Options {
  server: ServerTrust
  apiKey?: Secret | undefined
  createHttp(options: HttpOptions): HttpClient
  timeLimitSeconds: number
}

/** Refusals reject with the code of the server's problem document; no answer rejects with `upstream_unavailable`. */
export function createControlPlane({ server, apiKey, createHttp, timeLimitSeconds }: Options): ControlPlane {
  const headers = apiKey === undefined ? {} : { authorization: new Secret(`Bearer ${apiKey.reveal()}`) }
  const http = createHttp({
    baseUrl: server.url,
    tls: tlsOf(server),
    headers,
    timeLimitSeconds,
    maxResponseBytes: 32 * 1024 * 1024,
  })
  const send: Send = async ({ method, path, headers, body, signal }) => {
    const answer = await http.request({ method, path, headers, body, signal })
    return { status: answer.status, headers: answer.headers, body: answer.text() }
  }
  return createClient(operations, send)
}

function tlsOf({ pin, caPem, insecure }: ServerTrust): TlsMaterial {
  return { pinSpkiSha256: pin, caPem, insecure, minVersion: 'TLSv1.2' }
}
