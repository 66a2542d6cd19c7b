import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import { createServer } from 'node:net'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type KeyPair, openServerAuthority, type ServerAuthority } from '../../src/access/server-authority.js'
import { freePort } from '../../src/http/free-port.js'
import { createListener, type Listener, type ListenerOptions } from '../../src/http/listeners.js'
import { createTestServices, type TestServices } from '../postgres.js'
import { until } from '../races/steps.js'

const log = { warn: () => undefined, debug: () => undefined }

describe('the listener', () => {
  let services: TestServices
  let authority: ServerAuthority
  let pair: KeyPair
  const listeners: Listener[] = []
  const agents: Agent[] = []

  beforeAll(async () => {
    services = await createTestServices()
    authority = await openServerAuthority(services)
    pair = await newPair()
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy()
    for (const listener of listeners.splice(0)) await listener.stop(0)
  })
  afterAll(async () => await services.close())

  const newPair = async () =>
    await authority.issue({
      commonName: 'localhost',
      names: [{ type: 'dns', value: 'localhost' }],
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + 3_600_000),
    })

  const listen = async (
    listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
    more: Partial<ListenerOptions> = {},
  ): Promise<Listener> => {
    const made = await createListener({
      // No connection is closed for being idle while a slow machine takes its time.
      app: { listener, options: { keepAliveTimeout: 600_000 } },
      host: '127.0.0.1',
      port: 0,
      pair,
      minVersion: '1.3',
      log,
      ...more,
    })
    listeners.push(made)
    return made
  }
  const ask = async (port: number, options: RequestOptions = {}): Promise<{ status: number; text: string }> =>
    await new Promise((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', servername: 'localhost', port, ca: authority.certificatePem, agent: false, ...options },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk) => {
            text += chunk
          })
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
          answer.on('error', reject)
        },
      )
      outgoing.on('error', reject)
      outgoing.end()
    })
  const handshake = async (port: number, options: object = {}): Promise<{ protocol: string | null; serial: string }> =>
    await new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', servername: 'localhost', port, ca: authority.certificatePem, ...options },
        () => {
          const found = { protocol: socket.getProtocol(), serial: socket.getPeerCertificate().serialNumber }
          socket.destroy()
          resolve(found)
        },
      )
      socket.on('error', reject)
    })

  it('answers with a certificate that a client trusts by the CA alone', async () => {
    const { port } = await listen((_incoming, outgoing) => outgoing.end('hello'))
    expect(await ask(port)).toEqual({ status: 200, text: 'hello' })
    await expect(ask(port, { ca: [] })).rejects.toMatchObject({ code: expect.stringMatching(/CERT|ISSUER/) })
  })

  it('goes on when the system cannot hand a connection over, and says so', async () => {
    const warned: object[] = []
    let server: unknown
    const { port } = await listen(
      (incoming, outgoing) => {
        server = Reflect.get(incoming.socket, 'server')
        outgoing.end('on')
      },
      { log: { ...log, warn: (fields) => void warned.push(fields) } },
    )
    await ask(port)
    if (!(server instanceof EventEmitter)) throw new Error('the server was not found')
    server.emit('error', new Error('accept ENFILE'))
    expect(warned).toEqual([{ reason: 'accept ENFILE' }])
    expect((await ask(port)).text).toBe('on')
  })

  it('speaks TLS 1.3 only, unless 1.2 is allowed', async () => {
    const strict = await listen((_incoming, outgoing) => outgoing.end())
    await expect(handshake(strict.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow()
    expect((await handshake(strict.port)).protocol).toBe('TLSv1.3')
    const lenient = await listen((_incoming, outgoing) => outgoing.end(), { minVersion: '1.2' })
    expect((await handshake(lenient.port, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2')
    await expect(
      handshake(lenient.port, {
        maxVersion: 'TLSv1.2',
        ciphers: 'AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA',
      }),
    ).rejects.toThrow()
    await expect(handshake(lenient.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow()
  })

  it('shows a new certificate to new connections, while old ones go on', async () => {
    const listener = await listen((_incoming, outgoing) => outgoing.end('on'))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    agents.push(agent)
    await ask(listener.port, { agent })
    const before = await handshake(listener.port)
    listener.setPair(await newPair())
    const after = await handshake(listener.port)
    expect(after.serial).not.toBe(before.serial)
    expect(after.protocol).toBe('TLSv1.3')
    expect((await ask(listener.port, { agent })).text).toBe('on')
    await expect(handshake(listener.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow()
  })

  it('when it stops lets a request finish, takes no new one, and counts none as cut', async () => {
    const begun: ServerResponse[] = []
    const { port, stop } = await listen((_incoming, outgoing) => void begun.push(outgoing))
    const answer = ask(port)
    await until(async () => begun.length === 1)
    const stopped = stop(60)
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    begun[0]?.end('finished')
    expect((await answer).text).toBe('finished')
    expect(await stopped).toBe(0)
  })

  it('does not wait for connections that are idle', async () => {
    const listener = await listen((_incoming, outgoing) => outgoing.end('x'))
    const agent = new Agent({ keepAlive: true })
    agents.push(agent)
    await ask(listener.port, { agent })
    expect(await listener.stop(60)).toBe(0)
  })

  it('cuts off what does not end in time, and says how many', async () => {
    const begun: ServerResponse[] = []
    const listener = await listen((_incoming, outgoing) => void begun.push(outgoing))
    const answers = [ask(listener.port), ask(listener.port)].map(
      async (answer) => await answer.catch((error: NodeJS.ErrnoException) => error.code),
    )
    await until(async () => begun.length === 2)
    expect(await listener.stop(0.3)).toBe(2)
    expect(await Promise.all(answers)).toEqual(['ECONNRESET', 'ECONNRESET'])
  })

  it('says which setting to change when its address is taken or wrong', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await expect(listen(() => undefined, { port })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('CERTCTL_SERVER_PORT'),
    })
    await new Promise((resolve) => other.close(resolve))
    await expect(listen(() => undefined, { host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('CERTCTL_SERVER_HOST'),
    })
  })

  it('finds a port that is free', async () => {
    const found = async (): Promise<boolean> => {
      const port = await freePort('127.0.0.1')
      // Between the two somebody else on this machine may be given it.
      const listening = listen((_incoming, outgoing) => outgoing.end('x'), { port })
      const listener = await listening.catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EADDRINUSE') throw error
      })
      return listener?.port === port
    }
    expect((await found()) || (await found())).toBe(true)
  })
})
