import { request } from 'node:http'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import type { ChallengeAnswer } from '@certctl/core'
import { unusedPort } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createTestServices, type TestDatabase, type TestServices, testDatabase } from '../postgres.js'
import { until } from '../races/steps.js'

const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
const environment = { CERTCTL_CHALLENGE_HOST: '127.0.0.1' }

let database: TestDatabase
let first: TestServices
let port: number

beforeEach(async () => {
  database = await testDatabase()
  first = await createTestServices({ database, environment })
  port = await unusedPort()
})
afterEach(async () => {
  await first.close()
  await database.close()
})

function http(token: string, more: Partial<ChallengeAnswer> = {}): ChallengeAnswer {
  return {
    by: 'server',
    kind: 'http-01',
    name: 'www.example.test',
    port,
    token,
    keyAuthorization: `${token}.${thumbprint}`,
    ...more,
  } as ChallengeAnswer
}

function tls(token: string, name = 'www.example.test'): ChallengeAnswer {
  return { by: 'server', kind: 'tls-alpn-01', name, port, keyAuthorization: `${token}.${thumbprint}` }
}

/** As a CA does; 0 where nobody listens. */
async function ask(token: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve) => {
    const path = `/.well-known/acme-challenge/${token}`
    const asked = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        body += part
      })
      response.once('close', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    asked.once('error', () => resolve({ status: 0, body: '' }))
    asked.end()
  })
}

const isGiven = async (token: string): Promise<boolean> => (await ask(token)).body === `${token}.${thumbprint}`

describe('an answer that a copy publishes', () => {
  it('is given when the call returns, and not any more when it is withdrawn', async () => {
    expect(await ask('one')).toMatchObject({ status: 0 })
    expect(await first.challenges.publish('iss-a', http('one'))).toBe('published')
    expect(await ask('one')).toEqual({ status: 200, body: `one.${thumbprint}` })
    await first.challenges.withdraw('iss-a', http('one'))
    expect(await ask('one')).toMatchObject({ status: 0 })
  })

  it('may be published and withdrawn again and again', async () => {
    for (let time = 0; time < 2; time++) {
      expect(await first.challenges.publish('iss-a', http('one'))).toBe('published')
      expect(await first.challenges.publish('iss-a', http('one'))).toBe('published')
      await first.challenges.withdraw('iss-a', http('one'))
      await first.challenges.withdraw('iss-a', http('one'))
    }
    expect(await ask('one')).toMatchObject({ status: 0 })
  })

  it('shares its port with those of all other orders, at once', async () => {
    const tokens = Array.from({ length: 25 }, (_, at) => `token-${at}`)
    await Promise.all(tokens.map((token) => first.challenges.publish('iss-a', http(token, { name: `${token}.test` }))))
    expect(await Promise.all(tokens.map(isGiven))).toEqual(tokens.map(() => true))
    await Promise.all(
      tokens.slice(1).map((token) => first.challenges.withdraw('iss-a', http(token, { name: `${token}.test` }))),
    )
    expect(await isGiven('token-0')).toBe(true)
    expect((await ask('token-1')).status).toBe(404)
  })

  it('ends by itself when nobody withdraws it', async () => {
    await first.challenges.publish('iss-a', http('lost'))
    await first.challenges.publish('iss-a', http('kept'))
    first.clock.advance(90 * 60)
    await first.challenges.publish('iss-a', http('kept'))
    first.clock.advance(60 * 60)
    await first.challenges.publish('iss-a', http('new'))
    expect((await ask('lost')).status).toBe(404)
    expect(await isGiven('kept')).toBe(true)
  })

  it('is refused where it is none, and nothing is opened for it', async () => {
    const crooked = http('one', { keyAuthorization: '<script>alert(1)</script>' })
    await expect(first.challenges.publish('iss-a', crooked)).rejects.toMatchObject({ code: 'upstream_protocol' })
    await expect(first.challenges.publish('iss-a', http('../etc'))).rejects.toMatchObject({ code: 'upstream_protocol' })
    await expect(first.challenges.publish('iss-a', http('one', { name: '*.example.test' }))).rejects.toMatchObject({
      code: 'identifier_rejected',
    })
    expect(await ask('one')).toMatchObject({ status: 0 })
  })

  it('is an error that names the port where another program holds it', async () => {
    const other = createServer((socket) => socket.on('error', () => undefined).destroy())
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    try {
      await expect(first.challenges.publish('iss-a', http('one'))).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(new RegExp(`Port ${port} .*another program holds it.*http_port`)),
      })
    } finally {
      await new Promise<void>((resolve) => other.close(() => resolve()))
    }
    expect(await first.challenges.publish('iss-a', http('one'))).toBe('published')
  })
})

describe('tls-alpn-01', () => {
  async function shown(name: string): Promise<string | undefined> {
    return await new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, servername: name, ALPNProtocols: ['acme-tls/1'] }
      const socket = connect({ ...options, rejectUnauthorized: false }, () => {
        resolve(socket.getPeerCertificate().subjectaltname)
        socket.destroy()
      })
      socket.once('error', () => resolve(undefined))
    })
  }

  it('is answered with a certificate of the one name', async () => {
    expect(await first.challenges.publish('iss-a', tls('one'))).toBe('published')
    expect(await shown('www.example.test')).toBe('DNS:www.example.test')
    await first.challenges.withdraw('iss-a', tls('one'))
    expect(await shown('www.example.test')).toBeUndefined()
  })

  it('of one name for two orders: the second waits until the first is done, or its time is over', async () => {
    expect(await first.challenges.publish('iss-a', tls('one'))).toBe('published')
    expect(await first.challenges.publish('iss-a', tls('two'))).toBe('waiting')
    expect(await first.challenges.publish('iss-b', tls('one'))).toBe('waiting')
    expect(await first.challenges.publish('iss-b', tls('three', 'other.example.test'))).toBe('published')
    await first.challenges.withdraw('iss-a', tls('one'))
    expect(await first.challenges.publish('iss-a', tls('two'))).toBe('published')
    first.clock.advance(3 * 3600)
    expect(await first.challenges.publish('iss-b', tls('one'))).toBe('published')
  })
})

describe('another copy of the server', () => {
  let second: TestServices

  beforeEach(async () => {
    second = await createTestServices({ database, environment, clock: first.clock, serverId: 'server-second' })
  })
  afterEach(async () => await second.close())

  it('gives what this one publishes, once it is told', async () => {
    // On one machine only one of them can have the port: the second has it from the beginning.
    second.challenges.start()
    await second.challenges.publish('iss-a', http('its-own'))
    expect(await first.challenges.publish('iss-a', http('of-the-first'))).toBe('published')
    expect(await isGiven('of-the-first')).toBe(true)
    await first.challenges.withdraw('iss-a', http('of-the-first'))
    await until(async () => (await ask('of-the-first')).status === 404, 'the second forgets it')
  })

  it('gives it though it was never told', async () => {
    await second.challenges.publish('iss-a', http('its-own'))
    expect(await first.challenges.publish('iss-a', http('unheard'))).toBe('published')
    expect(await isGiven('unheard')).toBe(true)
  })

  it('opens the port for an answer that is not its own, and takes it over when the other dies', async () => {
    // Published first: a second copy that listens already may be told before the first looks, and have the port itself.
    await first.challenges.publish('iss-a', http('one'))
    second.challenges.start()
    await until(
      async () => second.logged.some(({ msg }) => String(msg).includes('another program holds it')),
      'the second hears of it',
    )
    await first.challenges.close()
    await until(async () => await isGiven('one'), 'the second answers')
    await second.challenges.withdraw('iss-a', http('one'))
    expect(await ask('one')).toMatchObject({ status: 0 })
  })
})

describe('rows of challenges', () => {
  it('whose time is over are taken away', async () => {
    await first.challenges.publish('iss-a', http('one'))
    first.clock.advance(3 * 3600)
    await first.store.challenges.removeExpired(first.clock.now())
    expect(await first.store.challenges.listServed(new Date(0))).toEqual([])
  })
})
