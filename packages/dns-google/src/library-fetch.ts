import type { Host, HttpResponse, Secret } from '@certctl/core'
import type { Config } from './config.js'
import { expectFine } from './refusals.js'
import type { Tokens } from './tokens.js'

/** What Google's library sends its requests with: the host's client, with a token, and with refusals as errors of ours. */
export function createLibraryFetch({ endpoint }: Config, host: Pick<Host, 'http'>, tokens: Tokens): typeof fetch {
  const http = host.http({ baseUrl: endpoint })
  const send = async (url: string, init: RequestInit, token: Secret): Promise<HttpResponse> =>
    await http.request({
      method: init.method ?? 'GET',
      path: url,
      headers: {
        Authorization: `Bearer ${token.reveal()}`,
        'Content-Type': init.body ? 'application/json' : undefined,
      },
      ...(typeof init.body === 'string' && { body: init.body }),
      ...(init.signal && { signal: init.signal }),
    })
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    const signal = init.signal ?? new AbortController().signal
    const { token, fresh } = await tokens.get(signal)
    let response = await send(url, init, token)
    // A token may be taken back before its end: a kept one is worth a second try.
    if (response.status === 401) {
      tokens.forget()
      if (!fresh) response = await send(url, init, (await tokens.get(signal)).token)
    }
    const fine = expectFine(
      response,
      `Google Cloud DNS, ${init.method ?? 'GET'} ${new URL(url).pathname.replace(/^\/dns\/v1/, '')}`,
    )
    return new Response(fine.text(), { status: 200, headers: { 'content-type': 'application/json' } })
  }
}

/** The library wraps what its transport throws: that alone may leave, without the request. */
export async function unwrapped<T>(call: Promise<T>): Promise<T> {
  return await call.catch((error: unknown) => {
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error
  })
}
