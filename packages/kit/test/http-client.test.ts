import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'
import { type HttpOptions, type HttpRequest, isCertctlError, Secret } from '@certctl/core'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createHttpClient, mayHaveArrived } from '../src/http-client.js'
import { ca, listen, listenTls, partyOf, spkiHash, wholeChain } from './tls-material.js'

const server = await partyOf(['localhost', '127.0.0.1'])
const client = await partyOf(['client.example.test'])
const now = new Date('2030-01-01T00:00:00Z')
const closing: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const { close } of closing.splice(0)) await close()
})

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}

/** A server in clear that remembers what it was asked. */
const serve = async (answer: RequestListener = (_, response) => void response.end('ok'), path?: string) => {
  const seen: Seen[] = []
  const made = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method, url, headers } = request
      seen.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      answer(request, response)
    })
  })
  // Else a machine that stands still for a few seconds ends connections that a test wants to use again.
  made.keepAliveTimeout = 0
  const running = await listen(made, path)
  closing.push(running)
  return { seen, port: running.port, base: `http://127.0.0.1:${running.port}` }
}
const ask = (options: HttpOptions, request: Partial<HttpRequest> = {}) =>
  createHttpClient(options, () => now).request({ method: 'GET', path: '/', ...request })
const failureOf = async (work: Promise<unknown>) => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (isCertctlError(error)) return error
  throw new Error(`expected a failure with a code, got ${inspect(error)}`)
}

describe('a request', () => {
  it('goes to the base URL with method, path, query and headers', async () => {
    const { base, seen } = await serve()
    const headers = { 'X-Token': new Secret('base'), 'X-Absent': undefined }
    await ask(
      { baseUrl: `${base}/v1/`, headers },
      {
        method: 'PUT',
        path: '/a/b',
        query: { q: 'ü &', n: 5, absent: undefined, flag: true },
        headers: { 'X-Own': 'own' },
      },
    )
    expect(seen[0]).toMatchObject({ method: 'PUT', url: '/v1/a/b?q=%C3%BC+%26&n=5&flag=true' })
    expect(seen[0]?.headers).toMatchObject({ 'x-token': 'base', 'x-own': 'own', 'user-agent': 'certctl' })
    expect(seen[0]?.headers).not.toHaveProperty('x-absent')
  })

  it('carries JSON, a form, text or bytes, each under its type', async () => {
    const { base, seen } = await serve()
    const post = (request: Partial<HttpRequest>) => ask({ baseUrl: base }, { method: 'POST', ...request })
    await post({ json: { a: [1, null], ü: 'ü' } })
    await post({ form: { user: 'a b', password: new Secret('p&w'), absent: undefined } })
    await post({ body: 'text', headers: { 'Content-Type': 'application/pkcs10' } })
    await post({ body: Uint8Array.from([0x61, 0x62]) })
    await post({})
    expect(seen.map(({ body, headers }) => [headers['content-type'], body])).toEqual([
      ['application/json', '{"a":[1,null],"ü":"ü"}'],
      ['application/x-www-form-urlencoded', 'user=a+b&password=p%26w'],
      ['application/pkcs10', 'text'],
      [undefined, 'ab'],
      [undefined, ''],
    ])
  })

  it('may hide base URL and path, which are credentials of some services', async () => {
    const { base, seen } = await serve()
    await ask({ baseUrl: new Secret(`${base}/hook`) }, { path: new Secret('/T0/B1/canary') })
    expect(seen[0]?.url).toBe('/hook/T0/B1/canary')
  })

  it('may name a whole URL of the same origin, as links of an API do', async () => {
    const { base, seen } = await serve()
    await ask({ baseUrl: `${base}/v1` }, { path: `${base}/v2/next?page=2` })
    expect(seen[0]?.url).toBe('/v2/next?page=2')
  })

  it('never leaves its origin', async () => {
    const [one, two] = [await serve(), await serve()]
    const error = await failureOf(ask({ baseUrl: one.base }, { path: `${two.base}/` }))
    expect(error).toMatchObject({ code: 'policy_denied' })
    const upstart = await failureOf(ask({ baseUrl: one.base.replace(/\d+$/, '8') }, { path: '@127.0.0.1/' }))
    expect(['policy_denied', 'config_invalid']).toContain(upstart.code)
    expect(two.seen).toEqual([])
  })

  it.each(['', 'not a url', 'canary'])('to %j is refused without quoting it', async (baseUrl) => {
    const error = await failureOf(ask({ baseUrl: new Secret(baseUrl) }))
    expect(error.code).toBe('config_invalid')
    expect(error.message).not.toContain('canary')
  })

  it('keeps its connection for the next', async () => {
    const ports = new Set<number | undefined>()
    const { base } = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end('ok')
    })
    const http = createHttpClient({ baseUrl: base })
    for (let round = 0; round < 5; round += 1) await http.request({ method: 'GET', path: '/' })
    expect(ports.size).toBe(1)
  })

  it('reaches a unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'certctl-http-'))
    const { seen } = await serve(undefined, join(directory, 'api.sock'))
    const response = await ask(
      { baseUrl: 'http://localhost', unixSocket: join(directory, 'api.sock') },
      { path: '/v1/info' },
    )
    expect([response.text(), seen[0]?.url]).toEqual(['ok', '/v1/info'])
    await closing.pop()?.close()
    await rm(directory, { recursive: true, force: true })
  })
})

describe('an answer', () => {
  it.each([200, 204, 302, 400, 404, 500, 503])('of status %d is a result', async (status) => {
    const { base } = await serve((_, response) => void response.writeHead(status).end())
    expect((await ask({ baseUrl: base })).status).toBe(status)
  })

  it('gives headers in lower case, and body as bytes, text and JSON', async () => {
    const { base } = await serve((_, response) => {
      response.setHeader('X-One', 'a')
      response.setHeader('Set-Cookie', ['a=1', 'b=2'])
      response.end('{"ü":1}')
    })
    const response = await ask({ baseUrl: base })
    expect(response.headers).toMatchObject({ 'x-one': 'a', 'set-cookie': 'a=1, b=2' })
    expect(Buffer.from(response.body).toString()).toBe('{"ü":1}')
    expect([response.text(), response.json()]).toEqual(['{"ü":1}', { ü: 1 }])
  })

  it('that is not JSON says so, and does not quote it', async () => {
    const { base } = await serve((_, response) => void response.end('<html>canary</html>'))
    const response = await ask({ baseUrl: base })
    expect(() => response.json()).toThrow(
      expect.objectContaining({ code: 'upstream_protocol', message: 'The answer is not JSON' }),
    )
  })

  it('that is a redirect is not followed, wherever it leads', async () => {
    const other = await serve()
    const { base, seen } = await serve(
      (_, response) => void response.writeHead(302, { Location: `${other.base}/x` }).end(),
    )
    const response = await ask({ baseUrl: base }, { headers: { authorization: new Secret('Bearer canary') } })
    expect(response).toMatchObject({ status: 302, headers: { location: `${other.base}/x` } })
    expect([seen.length, other.seen.length]).toEqual([1, 0])
  })

  it('that is packed is unpacked', async () => {
    const { base } = await serve((_, response) => {
      response.setHeader('Content-Encoding', 'gzip')
      response.end(gzipSync('plain'))
    })
    expect((await ask({ baseUrl: base })).text()).toBe('plain')
  })

  it.each([
    ['long', (response: ServerResponse) => void response.end(Buffer.alloc(2000))],
    [
      'long without a length',
      (response: ServerResponse) => void response.write(Buffer.alloc(1500), () => response.end(Buffer.alloc(500))),
    ],
    [
      'small and unpacks to something large',
      (response: ServerResponse) => {
        response.setHeader('Content-Encoding', 'gzip')
        response.end(gzipSync(Buffer.alloc(200_000)))
      },
    ],
  ])('that is too %s is cut off', async (_, answer) => {
    const { base } = await serve((_request, response) => answer(response))
    const error = await failureOf(ask({ baseUrl: base, maxResponseBytes: 1000 }))
    expect(error).toMatchObject({ code: 'upstream_protocol', message: expect.stringContaining('more bytes') })
  })

  it('of which only the status is wanted is there with its head, and cut off where it goes on', async () => {
    const served = serve((_, response) => {
      const more = (): void => void (response.destroyed || response.write(Buffer.alloc(9000), () => setImmediate(more)))
      response.on('close', () => cut?.()).writeHead(503, { 'Retry-After': '7' })
      more()
    })
    let cut: (() => void) | undefined
    const over = new Promise<void>((resolve) => (cut = resolve))
    const options = { baseUrl: (await served).base, maxResponseBytes: 1000, statusOnly: true } as const
    expect(await ask(options)).toMatchObject({ status: 503, body: Buffer.alloc(0), retryAfterSeconds: 7 })
    await over
  })

  it('of which only the status is wanted may break, and leaves its connection to the next where it is small', async () => {
    const ports = new Set<number | undefined>()
    const { base } = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      if (request.url !== '/broken') return void response.end('thank you')
      response.writeHead(200, { 'Content-Length': '100' }).write('x', () => request.socket.destroy())
    })
    const http = createHttpClient({ baseUrl: base, statusOnly: true }, () => now)
    expect((await http.request({ method: 'GET', path: '/broken' })).status).toBe(200)
    for (let n = 0; n < 20; n += 1) await http.request({ method: 'GET', path: '/' })
    expect(ports.size).toBeLessThan(20)
  })

  it('that is no HTTP is upstream_protocol', async () => {
    const running = await listen(createNetServer((socket) => socket.end('220 mail ready\r\n')))
    closing.push(running)
    expect(await failureOf(ask({ baseUrl: `http://127.0.0.1:${running.port}` }))).toMatchObject({
      code: 'upstream_protocol',
    })
  })

  it('says when to come again', async () => {
    const { base } = await serve((_, response) => void response.writeHead(429, { 'Retry-After': '120' }).end())
    expect((await ask({ baseUrl: base })).retryAfterSeconds).toBe(120)
  })
})

describe('a request that fails', () => {
  const secretful = {
    path: new Secret('/canary-path'),
    query: { q: 'canary-query' },
    headers: { authorization: new Secret('canary-header') },
    json: 'canary-body',
  }
  const shown = (error: unknown): string => inspect(error, { depth: 20, showHidden: true, maxStringLength: null })

  it.each<[string, boolean, () => Promise<{ baseUrl: string; timeLimitSeconds?: number; maxResponseBytes?: number }>]>([
    [
      'because nobody listens',
      false,
      async () => {
        const running = await listen(createNetServer())
        await running.close()
        return { baseUrl: `http://127.0.0.1:${running.port}` }
      },
    ],
    ['because the name does not exist', false, async () => ({ baseUrl: 'http://no-such-host.invalid' })],
    [
      'because the connection breaks',
      true,
      async () => {
        const running = await listen(createNetServer((socket) => socket.once('data', () => socket.destroy())))
        closing.push(running)
        return { baseUrl: `http://127.0.0.1:${running.port}` }
      },
    ],
    [
      'because nothing is answered',
      true,
      async () => ({ baseUrl: (await serve(() => undefined)).base, timeLimitSeconds: 0.3 }),
    ],
    [
      'because the answer trickles',
      true,
      async () => {
        const { base } = await serve((_, response) => {
          const trickle = setInterval(() => response.write('x'), 20)
          response.on('close', () => clearInterval(trickle))
        })
        return { baseUrl: base, timeLimitSeconds: 0.5 }
      },
    ],
  ])('%s is upstream_unavailable, and shows nothing of the request but its host', async (_, arrived, options) => {
    const error = await failureOf(ask(await options(), { method: 'POST', ...secretful }))
    expect([error.code, mayHaveArrived(error)]).toEqual(['upstream_unavailable', arrived])
    expect(error.message).toMatch(/^(127\.0\.0\.1|no-such-host|The name)/)
    expect(shown(error)).not.toContain('canary')
  })

  it('because the answer is too large shows nothing either', async () => {
    const { base } = await serve((_, response) => void response.end(Buffer.alloc(5000)))
    const error = await failureOf(ask({ baseUrl: base, maxResponseBytes: 10 }, { method: 'POST', ...secretful }))
    expect(shown(error)).not.toContain('canary')
  })

  it('says how long it waited', async () => {
    const { base } = await serve(() => undefined)
    expect((await failureOf(ask({ baseUrl: base, timeLimitSeconds: 0.2 }))).message).toContain(
      'did not answer within 0.2 s',
    )
  })

  it('because its caller was interrupted is aborted', async () => {
    const controller = new AbortController()
    const { base } = await serve(() => controller.abort())
    expect(
      await failureOf(ask({ baseUrl: base }, { signal: controller.signal, ...secretful, method: 'POST' })),
    ).toMatchObject({ code: 'aborted' })
    expect(await failureOf(ask({ baseUrl: base }, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' })
  })

  it('because of its address is policy_denied, and reaches nobody', async () => {
    const { base, seen } = await serve()
    for (const baseUrl of [base, base.replace('127.0.0.1', 'localhost')])
      expect(
        await failureOf(ask({ baseUrl, addresses: 'public-only' }, { method: 'POST', ...secretful })),
      ).toMatchObject({ code: 'policy_denied' })
    expect(seen).toEqual([])
  })
})

describe('a request over TLS', () => {
  const serveTls = async (options: Parameters<typeof listenTls>[0] = {}, party = server) => {
    const seen: string[] = []
    const running = await listenTls({ key: party.keyPem, cert: wholeChain(party), ...options }, (request, response) => {
      seen.push(`${request.url} ${(request.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? 'nobody'}`)
      response.end('ok')
    })
    running.server.on('tlsClientError', () => undefined)
    closing.push(running)
    return { seen, baseUrl: `https://127.0.0.1:${running.port}` }
  }

  it('trusts the given CA, and nobody else', async () => {
    const { baseUrl, seen } = await serveTls()
    expect((await ask({ baseUrl, tls: { caPem: ca.rootPem } })).status).toBe(200)
    expect(await failureOf(ask({ baseUrl }))).toMatchObject({ code: 'upstream_unavailable' })
    expect(seen).toHaveLength(1)
  })

  it('does not share trust or connections between clients', async () => {
    const { baseUrl, seen } = await serveTls()
    await ask({ baseUrl, tls: { insecure: true } })
    await failureOf(ask({ baseUrl, tls: {} }))
    expect(seen).toHaveLength(1)
  })

  it('has not arrived where its connection breaks before TLS', async () => {
    const running = await listen(createNetServer((socket) => socket.once('data', () => socket.destroy())))
    closing.push(running)
    const error = await failureOf(ask({ baseUrl: `https://127.0.0.1:${running.port}` }, { method: 'POST' }))
    expect([error.code, mayHaveArrived(error)]).toEqual(['upstream_unavailable', false])
  })

  it('presents its client certificate', async () => {
    const { baseUrl, seen } = await serveTls({ requestCert: true, ca: ca.rootPem, rejectUnauthorized: true })
    const own = { certificatePem: client.certificatePem + ca.intermediatePem, privateKeyPem: new Secret(client.keyPem) }
    await ask({ baseUrl, tls: { caPem: ca.rootPem, ...own } })
    expect(seen[0]).not.toContain('nobody')
    expect((await failureOf(ask({ baseUrl, tls: { caPem: ca.rootPem } }))).code).toBe('upstream_unavailable')
  })

  it('to a server without the pinned key sends nothing, also on the second try', async () => {
    const { baseUrl, seen } = await serveTls()
    const http = createHttpClient({ baseUrl, tls: { pinSpkiSha256: spkiHash(client.certificatePem) } })
    for (let round = 0; round < 2; round += 1) {
      const error = await failureOf(http.request({ method: 'POST', path: '/canary', json: 'canary' }))
      expect(error).toMatchObject({ code: 'upstream_unavailable', message: expect.stringContaining('pinned key') })
      expect(mayHaveArrived(error)).toBe(false)
    }
    expect(seen).toEqual([])
  })

  it('to a server with the pinned key works again and again', async () => {
    const { baseUrl, seen } = await serveTls()
    const http = createHttpClient({ baseUrl, tls: { pinSpkiSha256: spkiHash(ca.rootPem) } })
    for (let round = 0; round < 3; round += 1) await http.request({ method: 'GET', path: '/' })
    expect(seen).toHaveLength(3)
  })

  it('asks for the name it was told', async () => {
    const named = await partyOf(['vault.example.test'])
    const { baseUrl } = await serveTls({}, named)
    expect((await ask({ baseUrl, tls: { caPem: ca.rootPem, serverName: 'vault.example.test' } })).status).toBe(200)
    expect(await failureOf(ask({ baseUrl, tls: { caPem: ca.rootPem } }))).toMatchObject({
      code: 'upstream_unavailable',
    })
  })
})
