import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { unusedPort } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type ChallengeListeners, createChallengeListeners, isAnswered, type LiveAnswer } from '../src/index.js'
import { acmePath, get, hold, httpAnswer, identifierDer, raw, shakeHands, thumbprint, tlsAnswer } from './ask.js'

let port: number
let listeners: ChallengeListeners
const now = () => new Date('2026-11-25T12:00:00Z')

beforeEach(async () => {
  port = await unusedPort()
  listeners = createChallengeListeners({ host: '127.0.0.1', now })
})
afterEach(async () => await listeners.close())

describe('http-01', () => {
  it('answers exactly what is live, to all orders on one listener', async () => {
    await listeners.serve(['one', 'two', 'three'].map((token) => httpAnswer(token, { port, name: `${token}.test` })))
    const said = await Promise.all(['one', 'two', 'three', 'four'].map((token) => get(port, acmePath(token))))
    expect(said.map(({ status, body }) => [status, body])).toEqual([
      [200, `one.${thumbprint}`],
      [200, `two.${thumbprint}`],
      [200, `three.${thumbprint}`],
      [404, ''],
    ])
    expect(listeners.open()).toEqual([`http-01:${port}`])
  })

  it('is not open before the first answer and not after the last', async () => {
    expect(await raw(port, 'GET / HTTP/1.0\r\n\r\n')).toBe('')
    await listeners.serve([httpAnswer('one', { port }), httpAnswer('two', { port })])
    await listeners.serve([httpAnswer('two', { port })])
    expect((await get(port, acmePath('one'))).status).toBe(404)
    expect((await get(port, acmePath('two'))).status).toBe(200)
    await listeners.serve([])
    expect(await raw(port, 'GET / HTTP/1.0\r\n\r\n')).toBe('')
    expect(listeners.open()).toEqual([])
  })

  it('answers HEAD without a body', async () => {
    await listeners.serve([httpAnswer('one', { port })])
    const { status, head, body } = await get(port, acmePath('one'), { method: 'HEAD' })
    expect([status, body]).toEqual([200, ''])
    expect(head).toContain(`content-length: ${`one.${thumbprint}`.length}`)
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('refuses %s', async (method) => {
    await listeners.serve([httpAnswer('one', { port })])
    const { status, head } = await get(port, acmePath('one'), { method })
    expect(status).toBe(405)
    expect(head).toContain('allow: get, head')
  })

  it.each([
    '/',
    '/one',
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/one/',
    '/.well-known/acme-challenge/one?x=y',
    '/.well-known/acme-challenge/../acme-challenge/one',
    '/.well-known//acme-challenge/one',
    '/.well-known/acme-challenge/%6fne',
    '/.WELL-KNOWN/acme-challenge/one',
    'http://www.example.test/.well-known/acme-challenge/one',
    `/.well-known/acme-challenge/${'a'.repeat(257)}`,
  ])('knows no other path: %s', async (path) => {
    await listeners.serve([httpAnswer('one', { port })])
    expect(await get(port, path)).toMatchObject({ status: 404, body: '' })
  })

  it('hangs up after one answer, on nonsense and on endless headers', async () => {
    await listeners.serve([httpAnswer('one', { port })])
    const twice = `GET ${acmePath('one')} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2)
    expect((await raw(port, twice)).match(/HTTP\/1\.1 200/g)).toHaveLength(1)
    expect(await raw(port, '\x16\x03\x01\x00\x05hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
    expect(await raw(port, `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431/)
    expect((await get(port, acmePath('one'))).status).toBe(200)
  })

  it('answers however many connections others hold open, and keeps no more than 512 of them', async () => {
    await listeners.serve([httpAnswer('one', { port })])
    let ended = 0
    const held = await Promise.all(Array.from({ length: 600 }, async () => await hold(port, () => (ended += 1))))
    try {
      expect((await get(port, acmePath('one'))).status).toBe(200)
      // Each end is heard of by itself, perhaps after the answer.
      for (let looks = 0; looks < 1000 && ended < 600 - 512; looks += 1) await pause(10)
      expect(ended).toBeGreaterThanOrEqual(600 - 512)
    } finally {
      for (const socket of held) socket.destroy()
    }
  })

  it('tells two CAs that sent one token apart by the host, and still answers behind a redirect', async () => {
    const other = 'x'.repeat(43)
    await listeners.serve([
      httpAnswer('same', { port, name: 'a.test' }),
      httpAnswer('same', { port, name: 'b.test', thumbprint: other }),
    ])
    const at = async (host: string) => (await get(port, acmePath('same'), { host })).body
    expect(await at('a.test')).toBe(`same.${thumbprint}`)
    expect(await at(`B.test:${port}`)).toBe(`same.${other}`)
    expect(await at('elsewhere.test')).toBe(`same.${thumbprint}`)
  })
})

describe('tls-alpn-01', () => {
  it('shows a certificate of the one name, with the digest of the key authorization as critical extension', async () => {
    const answer = tlsAnswer('www.example.test', port)
    await listeners.serve([answer])
    const shown = await shakeHands(port, 'WWW.example.test')
    if (typeof shown === 'string') throw new Error(shown)
    expect(shown.protocol).toBe('acme-tls/1')
    expect(shown.certificate.subjectAltName).toBe('DNS:www.example.test')
    expect(shown.certificate.ca).toBe(false)
    expect(shown.certificate.verify(shown.certificate.publicKey)).toBe(true)
    expect(shown.certificate.raw.includes(identifierDer(answer.keyAuthorization))).toBe(true)
  })

  it.each([
    ['192.0.2.7', '7.2.0.192.in-addr.arpa', 'IP Address:192.0.2.7'],
    [
      '2001:db8::1',
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
      'IP Address:2001:DB8:0:0:0:0:0:1',
    ],
  ])('proves the address %s under its reverse name', async (name, serverName, alternative) => {
    await listeners.serve([tlsAnswer(name, port)])
    const shown = await shakeHands(port, serverName)
    expect(shown).toMatchObject({ protocol: 'acme-tls/1', certificate: { subjectAltName: alternative } })
  })

  it('refuses other names and other protocols', async () => {
    await listeners.serve([tlsAnswer('www.example.test', port)])
    expect(await shakeHands(port, 'other.example.test')).toEqual(expect.any(String))
    expect(await shakeHands(port, 'www.example.test', ['h2', 'http/1.1'])).toMatch(/alert|no application protocol/i)
  })

  it('forgets an answer that is gone, and shows the new one of the same name', async () => {
    const [first, second] = [tlsAnswer('www.example.test', port, 'a'), tlsAnswer('www.example.test', port, 'b')]
    await listeners.serve([first, tlsAnswer('other.test', port)])
    await listeners.serve([second])
    const shown = await shakeHands(port, 'www.example.test')
    if (typeof shown === 'string') throw new Error(shown)
    expect(shown.certificate.raw.includes(identifierDer(second.keyAuthorization))).toBe(true)
    expect(await shakeHands(port, 'other.test')).toEqual(expect.any(String))
  })
})

describe('an answer that is not known yet', () => {
  it('is looked for again before it is denied', async () => {
    let looks = 0
    const late: ChallengeListeners = createChallengeListeners({
      host: '127.0.0.1',
      now,
      lookAgain: async () => {
        looks += 1
        await late.serve([httpAnswer('one', { port }), httpAnswer('late', { port })])
      },
    })
    try {
      await late.serve([httpAnswer('one', { port })])
      expect((await get(port, acmePath('one'))).status).toBe(200)
      expect(looks).toBe(0)
      expect((await get(port, acmePath('late'))).body).toBe(`late.${thumbprint}`)
      expect((await get(port, acmePath('never'))).status).toBe(404)
      expect(looks).toBe(2)
    } finally {
      await late.close()
    }
  })

  it('is 503, not 404, while nobody can look', async () => {
    const blind = createChallengeListeners({
      host: '127.0.0.1',
      now,
      lookAgain: () => Promise.reject(new Error('no database')),
    })
    try {
      await blind.serve([httpAnswer('one', { port })])
      expect((await get(port, acmePath('two'))).status).toBe(503)
    } finally {
      await blind.close()
    }
  })
})

describe('a port that is taken', () => {
  async function withTaken<T>(work: () => Promise<T>): Promise<T> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume()
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnope')
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    try {
      return await work()
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()))
    }
  }

  it.each<[string, () => LiveAnswer]>([
    ['http-01', () => httpAnswer('one', { port })],
    ['tls-alpn-01', () => tlsAnswer('www.example.test', port)],
  ])('is a fault of %s that names the port and the remedy', async (kind, answer) => {
    await withTaken(async () => {
      await listeners.serve([answer()])
      const fault = listeners.faultOf(answer())
      expect(fault).toMatchObject({ code: 'conflict' })
      expect(fault?.message).toMatch(new RegExp(`Port ${port} .*${kind}.*another program holds it.*Stop`))
      expect(await isAnswered(answer())).toBe(false)
    })
  })

  it('harms no other port, and is tried again', async () => {
    const other = await unusedPort()
    const answers = () => [httpAnswer('one', { port }), httpAnswer('two', { port: other })]
    await withTaken(async () => {
      await listeners.serve(answers())
      expect((await get(other, acmePath('two'))).status).toBe(200)
      expect(listeners.faultOf({ kind: 'http-01', port: other })).toBeUndefined()
    })
    await listeners.serve(answers())
    expect(listeners.faultOf({ kind: 'http-01', port })).toBeUndefined()
    expect((await get(port, acmePath('one'))).status).toBe(200)
  })

  it('is no harm where whoever holds it gives the answer', async () => {
    const tlsPort = await unusedPort()
    const first = [httpAnswer('one', { port }), tlsAnswer('192.0.2.7', tlsPort)]
    const elsewhere = createChallengeListeners({ host: '127.0.0.1', now })
    try {
      await elsewhere.serve(first)
      await listeners.serve([...first, httpAnswer('two', { port })])
      expect(listeners.faultOf({ kind: 'http-01', port })).toMatchObject({ code: 'conflict' })
      expect(await Promise.all(first.map((answer) => isAnswered(answer)))).toEqual([true, true])
      expect(await isAnswered(httpAnswer('two', { port }))).toBe(false)
      expect(await isAnswered(tlsAnswer('192.0.2.7', tlsPort, 'other'))).toBe(false)
    } finally {
      await elsewhere.close()
    }
  })
})
