import { type ClientOf, createClient, operations, type Send } from '@certctl/api'
import { Secret } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import type { Settings } from '../config.js'
import { doOnce } from './do-once.js'
import { toldAsUntrusted } from './not-trusted.js'

export type Client = ClientOf<typeof operations>

/** The typed client for the server in force. TLS is verified by pin, CA file or the machine's own anchors, in this order. */
export function createServerClient(settings: Settings, stop: AbortSignal): Client {
  const { server, apiKey, caPem, pin, insecure } = settings
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
  const once = doOnce(send, new URL(server.value).host)
  return createClient(operations, async (request) => {
    return await once(request).catch((error: unknown) => Promise.reject(toldAsUntrusted(error, settings)))
  })
}
