import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls'
import { type ConnectOptions, Secret, type TlsMaterial } from '@certctl/core'
import { afterEach, describe, expect, it } from '@jest/globals'
import { openConnection, startTls } from '../src/connection.js'
import { ca, derOf, impostorOf, listen, partyOf, spkiHash, wholeChain } from './tls-material.js'

const server = await partyOf(['localhost', '127.0.0.1'])
const client = await partyOf(['client.example.test'])
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const { close } of open.splice(0)) await close()
})

const listening = async (made: Server, path?: string): Promise<number> => {
  const running = await listen(made, path)
  open.push(running)
  return running.port
}
/** A TLS server that says hello and remembers what it heard. */
const tlsServer = async (options: TlsOptions = {}) => {
  const heard: string[] = []
  const made = createTlsServer({ key: server.keyPem, cert: wholeChain(server), ...options }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => heard.push(chunk.toString()))
    socket.write('hello')
  })
  made.on('tlsClientError', () => undefined)
  return { port: await listening(made), heard, made }
}
const connect = (port: number, tls?: TlsMaterial, over: Partial<ConnectOptions> = {}) =>
  openConnection({ host: '127.0.0.1', port, tls, ...over } as ConnectOptions)
const trusted: TlsMaterial = { caPem: ca.rootPem, serverName: 'localhost' }

describe('a connection', () => {
  it('carries bytes both ways', async () => {
    const echo = createServer((socket) => socket.pipe(socket))
    const connection = await connect(await listening(echo))
    connection.write('ping')
    expect(String((await connection[Symbol.asyncIterator]().next()).value)).toBe('ping')
    expect(connection.peer).toBeUndefined()
    connection.destroy()
  })

  it('reaches a unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'certctl-socket-'))
    const path = join(directory, 'admin.sock')
    await listening(
      createServer((socket) => socket.end('hello')),
      path,
    )
    const connection = await openConnection({ unixSocket: path })
    expect(String((await connection[Symbol.asyncIterator]().next()).value)).toBe('hello')
    connection.destroy()
    await open.pop()?.close()
    await rm(directory, { recursive: true, force: true })
    await expect(openConnection({ unixSocket: path })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining(path),
    })
  })

  it('that nobody accepts is upstream_unavailable, and says where', async () => {
    const port = await listening(createServer())
    await open.pop()?.close()
    await expect(connect(port)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining(`127.0.0.1:${port} cannot be reached`),
    })
  })

  it.each([
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ])('to what speaks %s instead of TLS says so in words for people', async (_, banner) => {
    const port = await listening(createServer((socket) => socket.end(banner)))
    await expect(connect(port, trusted)).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: `127.0.0.1:${port} cannot be reached: what answers there does not speak TLS; check port and scheme`,
    })
  })

  it('is given up after its time limit', async () => {
    const silent = createServer()
    const port = await listening(silent)
    await expect(connect(port, trusted, { timeLimitSeconds: 0.3 })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('no answer within 0.3 s'),
    })
  })

  it('is given up when its caller is interrupted', async () => {
    const port = await listening(createServer())
    const controller = new AbortController()
    const opening = connect(port, trusted, { signal: controller.signal })
    setImmediate(() => controller.abort())
    await expect(opening).rejects.toMatchObject({ code: 'aborted' })
    await expect(connect(port, trusted, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
  })

  it('to a name that does not exist says so', async () => {
    await expect(openConnection({ host: 'no-such-host.invalid', port: 1 })).rejects.toThrow(
      'no-such-host.invalid cannot be resolved',
    )
  })

  it('to an address the policy forbids is not made', async () => {
    let connections = 0
    const port = await listening(createServer(() => (connections += 1)))
    for (const host of ['127.0.0.1', 'localhost'])
      await expect(openConnection({ host, port, addresses: 'public-only' })).rejects.toMatchObject({
        code: 'policy_denied',
      })
    expect(connections).toBe(0)
  })
})

describe('a connection over TLS', () => {
  it('is trusted under the given CA, and shows the chain as it was sent', async () => {
    const { port } = await tlsServer()
    const connection = await connect(port, trusted)
    expect(connection.peer?.chain.map((der) => Buffer.from(der).toString('hex'))).toEqual(
      [server.certificatePem, ca.intermediatePem, ca.rootPem].map((pem) => Buffer.from(derOf(pem)).toString('hex')),
    )
    expect(connection.peer).toMatchObject({ protocol: 'TLSv1.3', cipher: expect.stringContaining('TLS_') })
    connection.destroy()
  })

  it('shows the chain also where nobody has to trust it', async () => {
    const { port } = await tlsServer()
    const connection = await connect(port, { insecure: true })
    expect(connection.peer?.chain).toHaveLength(3)
    connection.destroy()
  })

  it.each<[string, TlsMaterial]>([
    ['of an unknown CA', { serverName: 'localhost' }],
    ['for another name', { caPem: ca.rootPem, serverName: 'other.example.test' }],
    ['of another CA', { caPem: client.certificatePem, serverName: 'localhost' }],
  ])('is refused with a certificate %s', async (_, tls) => {
    const { port, heard } = await tlsServer()
    await expect(connect(port, tls)).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(heard).toEqual([])
  })

  it('checks the address where no name is given', async () => {
    const { port } = await tlsServer()
    ;(await connect(port, { caPem: ca.rootPem })).destroy()
    const named = await partyOf(['localhost'])
    const other = await tlsServer({ key: named.keyPem, cert: wholeChain(named) })
    await expect(connect(other.port, { caPem: ca.rootPem })).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('presents a client certificate where it has one', async () => {
    const seen: (string | undefined)[] = []
    const options = { requestCert: true, ca: ca.rootPem + ca.intermediatePem, rejectUnauthorized: true }
    const { port, made } = await tlsServer(options)
    made.on('secureConnection', (socket) => seen.push(socket.getPeerX509Certificate()?.fingerprint256))
    const own = { certificatePem: client.certificatePem + ca.intermediatePem, privateKeyPem: new Secret(client.keyPem) }
    const connection = await connect(port, { ...trusted, ...own })
    expect(String((await connection[Symbol.asyncIterator]().next()).value)).toBe('hello')
    expect(seen).toHaveLength(1)
    connection.destroy()
  })

  it('is not made below the lowest version that was asked for', async () => {
    const { port } = await tlsServer({ maxVersion: 'TLSv1.2' })
    await expect(connect(port, { ...trusted, minVersion: 'TLSv1.3' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    const connection = await connect(port, trusted)
    expect(connection.peer?.protocol).toBe('TLSv1.2')
    connection.destroy()
  })

  it('to something that does not speak TLS fails', async () => {
    const port = await listening(createServer((socket) => socket.end('220 mail ready\r\n')))
    await expect(connect(port, trusted)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })
})

describe('a pinned key', () => {
  it.each([
    ['of the leaf', () => spkiHash(server.certificatePem)],
    ['of the issuing CA', () => spkiHash(ca.intermediatePem)],
    ['of the root', () => spkiHash(ca.rootPem).toUpperCase()],
  ])('%s is trust enough', async (_, pin) => {
    const { port } = await tlsServer()
    const connection = await connect(port, { pinSpkiSha256: pin(), serverName: 'localhost' })
    expect(connection.peer?.chain).toHaveLength(3)
    connection.destroy()
  })

  it('that is not there is refused before a byte is sent, also where the CA is trusted', async () => {
    for (const caPem of [undefined, ca.rootPem]) {
      const { port, heard } = await tlsServer()
      const tls = { pinSpkiSha256: spkiHash(client.certificatePem), serverName: 'localhost', caPem }
      await expect(connect(port, tls)).rejects.toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringContaining('does not prove to hold the pinned key'),
      })
      expect(heard).toEqual([])
    }
  })

  it('that fits does not excuse a CA that was demanded too', async () => {
    const { port } = await tlsServer()
    const tls = {
      pinSpkiSha256: spkiHash(server.certificatePem),
      caPem: client.certificatePem,
      serverName: 'localhost',
    }
    await expect(connect(port, tls)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('of a CA that is shown, but did not sign the leaf, is refused', async () => {
    const impostor = await impostorOf(['localhost'])
    const { port } = await tlsServer({ key: impostor.keyPem, cert: impostor.certificatePem + ca.rootPem })
    const tls = { pinSpkiSha256: spkiHash(ca.rootPem), serverName: 'localhost' }
    await expect(connect(port, tls)).rejects.toThrow('does not prove to hold the pinned key')
  })

  it('of a CA does not excuse another name', async () => {
    const { port } = await tlsServer()
    const tls = { pinSpkiSha256: spkiHash(ca.rootPem), serverName: 'other.example.test' }
    await expect(connect(port, tls)).rejects.toThrow('is not for other.example.test')
  })

  it('of the leaf itself does not ask for its name', async () => {
    const { port } = await tlsServer()
    const connection = await connect(port, {
      pinSpkiSha256: spkiHash(server.certificatePem),
      serverName: 'other.example.test',
    })
    connection.destroy()
  })
})

describe('STARTTLS', () => {
  /** Speaks one line in clear, then TLS. */
  const startServer = async (): Promise<number> => {
    const upgrade = (socket: Socket): void => {
      socket.once('data', () => {
        socket.write('go\n')
        const secure = new TLSSocket(socket, { isServer: true, key: server.keyPem, cert: wholeChain(server) })
        secure.on('error', () => undefined)
        secure.write('hello')
      })
    }
    return await listening(createServer(upgrade))
  }
  const upgraded = async (tls: TlsMaterial) => {
    const plain = await connect(await startServer())
    plain.write('starttls\n')
    await new Promise((done) => plain.once('data', done))
    return await startTls(plain, tls)
  }

  it('upgrades a stream', async () => {
    const connection = await upgraded(trusted)
    expect(connection.peer?.chain).toHaveLength(3)
    expect(String((await connection[Symbol.asyncIterator]().next()).value)).toBe('hello')
    connection.destroy()
  })

  it('refuses whom it does not know', async () => {
    await expect(upgraded({ serverName: 'localhost' })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: expect.stringContaining('TLS did not begin'),
    })
    await expect(upgraded({ ...trusted, serverName: 'other.example.test' })).rejects.toThrow('TLS did not begin')
  })

  it('really is the platform that answers', async () => {
    const { port } = await tlsServer()
    await new Promise<void>((done, fail) => {
      const socket = connectTls({ port, host: '127.0.0.1', ca: ca.rootPem, servername: 'localhost' }, () => {
        socket.destroy()
        done()
      })
      socket.once('error', fail)
    })
  })
})
