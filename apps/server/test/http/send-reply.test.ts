import { createServer, get, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RawReply } from '@certctl/api'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createCors } from '../../src/http/cors.js'
import { type FlatHeaders, sendReply } from '../../src/http/send-reply.js'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

const always: FlatHeaders = ['cache-control', 'no-store', 'x-request-id', 'one']

interface Answer {
  response: IncomingMessage
  octets: Buffer
  /** How often a name stands in the head. */
  count(name: string): number
}

async function answerTo(reply: RawReply, { method = 'GET', allow = '' } = {}): Promise<Answer> {
  const started = createServer((incoming, outgoing) => {
    if (allow !== '') outgoing.setHeader('allow', allow)
    // As behind the edge: a request that has no body is complete by then.
    void Promise.resolve().then(async () => await sendReply({ incoming, outgoing }, reply, always))
  })
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const { port } = started.address() as AddressInfo
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request({ host: '127.0.0.1', port, method }, resolve).once('error', reject).end(),
  )
  const pieces: Buffer[] = []
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece)
  const names = response.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  return { response, octets: Buffer.concat(pieces), count: (name) => names.filter((one) => one === name).length }
}

describe('an answer', () => {
  it('carries what every answer carries once, whatever the reply says under that name', async () => {
    const headers = { 'content-type': 'text/plain', 'cache-control': 'public' }
    const { response, count } = await answerTo({ status: 200, headers, body: 'x' })
    expect(response.headers['cache-control']).toBe('no-store')
    expect([count('cache-control'), count('x-request-id'), count('content-type')]).toEqual([1, 1, 1])
  })

  it('keeps what was set before it, as the router does with what is allowed', async () => {
    const { response } = await answerTo({ status: 405, headers: {}, body: '{}' }, { allow: 'GET, POST' })
    expect([response.headers.allow, response.headers['x-request-id']]).toEqual(['GET, POST', 'one'])
  })

  it.each([
    ['short', 'schön 🙂'],
    ['long', 'schön 🙂 '.repeat(2000)],
  ])('says how many octets a %s text has, and sends exactly those', async (_, body) => {
    const { response, octets } = await answerTo({ status: 200, headers: {}, body })
    expect(response.headers['content-length']).toBe(String(Buffer.byteLength(body)))
    expect(octets.toString('utf8')).toBe(body)
  })

  it('to HEAD says the length and sends nothing, short or long', async () => {
    for (const body of ['ab', 'ab'.repeat(5000)]) {
      const { response, octets } = await answerTo({ status: 200, headers: {}, body }, { method: 'HEAD' })
      expect([response.headers['content-length'], octets.length]).toEqual([String(body.length), 0])
      server?.close()
    }
  })

  it('without a body has the length 0, and none where the status forbids one', async () => {
    expect((await answerTo({ status: 202, headers: {} })).response.headers['content-length']).toBe('0')
    for (const status of [204, 304]) {
      server?.close()
      expect((await answerTo({ status, headers: {} })).response.headers['content-length']).toBeUndefined()
    }
  })

  it('in pieces arrives whole, with the same head', async () => {
    async function* pieces() {
      yield 'one '
      yield Buffer.from('two')
    }
    const { response, octets } = await answerTo({ status: 200, headers: { 'content-type': 'a/b' }, body: pieces() })
    expect([octets.toString(), response.headers['content-type']]).toEqual(['one two', 'a/b'])
    expect(response.headers['x-request-id']).toBe('one')
  })

  it('to a request whose body was not read ends the connection', async () => {
    const started = createServer((incoming, outgoing) => {
      void sendReply({ incoming, outgoing }, { status: 413, headers: {}, body: '{}' }, always)
    })
    server = started
    await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
    const { port } = started.address() as AddressInfo
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      get({ host: '127.0.0.1', port, headers: { 'content-length': '10' } }, resolve).once('error', reject),
    )
    response.resume()
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close'])
  })
})

describe('headers for browsers', () => {
  it('are none where no origin is listed', () => {
    expect(createCors([])('https://a.test')).toEqual([])
  })

  it('name a listed origin and nobody else, and always say that the answer depends on it', () => {
    const cors = createCors(['https://a.test'])
    const listed = cors('https://a.test')
    expect(listed.slice(0, 4)).toEqual(['vary', 'Origin', 'access-control-allow-origin', 'https://a.test'])
    expect(listed).toContain('access-control-allow-headers')
    expect(listed.length % 2).toBe(0)
    for (const other of [undefined, 'https://b.test', 'https://a.test.evil.test'])
      expect(cors(other)).toEqual(['vary', 'Origin'])
  })

  it('name everybody where the operator lists everybody', () => {
    expect(createCors(['*'])('https://b.test')).toContain('*')
  })
})
