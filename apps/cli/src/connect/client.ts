import { type ClientOf, createClient, operations, type Send } from '@certctl/api'
import { Secret } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import type { Settings } from '../config.js'
import { doOnce } from './do-once.js'

export type Client = ClientOf<typeof operations>

/** The typed client for the server in force. TLS is verified by pin, CA file or the machine's own anchors, in this order. */
export function createServerClient({ server, apiKey, caPem, pin, insecure }: Settings, stop: AbortSignal): Client {
  const http = createHttpClient({
    baseUrl: server.value,
    tls: { caPem: caPem?.value, pinSpkiSha256: pin?.value, insecure: insecure.value, minVersion: 'TLSv1.2' },
    headers: apiKey === undefined ? {} : { authorization: new Secret(`Bearer ${apiKey.value.reveal()}`) },
    timeLimitSeconds: 120,
    maxResponseBytes: 1024 * 1024 * 1024,
  })
  const send: Send = async ({ method, path, headers, body, signal }) => {
    const answer = await http.request({ method, path, headers, body, signal: signal ?? stop })
    return { status: answer.status, headers: answer.headers, body: answer.text() }
  }
  return createClient(operations, doOnce(send, new URL(server.value).host))
}
