import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import type { Endpoint } from '@certctl/core'
import { openConnection, startTls } from '@certctl/kit'
import { createMaterial, type Material } from '@certctl/testing'
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { probe } from '../src/probe.js'

type Protocol = NonNullable<Endpoint['startTls']>

let material: Material
let context: SecureContext
const servers: Server[] = []

beforeAll(async () => {
  material = await createMaterial()
  const { certificatePem, chainPem, privateKeyPem } = material.leafs[0]
  context = createSecureContext({ cert: certificatePem + chainPem, key: privateKeyPem.reveal() })
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Each speaks as its RFC says, in the pieces a network makes, and begins TLS only when it was asked properly. */
const greetings: Partial<Record<Protocol, readonly string[]>> = {
  smtp: ['220-mail.example.test\r\n', '220 ready\r\n'],
  ftp: ['220 files\r\n'],
  imap: ['* OK [CAPABILITY IMAP4rev2 STARTTLS] ready\r\n'],
  pop3: ['+OK ready\r\n'],
}
const dialogues: Record<Protocol, (said: Buffer) => readonly (string | Buffer)[] | 'tls' | undefined> = {
  smtp: (said) =>
    byText(said, { 'EHLO ': ['250-mail\r\n250-SIZE 1\r', '\n250 STARTTLS\r\n'], STARTTLS: ['220 go\r\n'] }),
  ftp: (said) => byText(said, { 'AUTH TLS': ['234 go\r\n'] }),
  imap: (said) => byText(said, { 'a1 STARTTLS': ['* CAPABILITY x\r\n', 'a1 OK go\r\n'] }),
  pop3: (said) => byText(said, { STLS: ['+OK go\r\n'] }),
  postgres: (said) => (said.equals(Buffer.from('0000000804d2162f', 'hex')) ? ['S'] : undefined),
  ldap: (said) =>
    said.includes('1.3.6.1.4.1.1466.20037')
      ? [Buffer.from('300c02010178070a0100', 'hex'), Buffer.from('04000400', 'hex')]
      : undefined,
}
const lastWords: Record<Protocol, RegExp> = {
  smtp: /STARTTLS\r\n$/,
  ftp: /AUTH TLS\r\n$/,
  imap: /STARTTLS\r\n$/,
  pop3: /STLS\r\n$/,
  postgres: /./s,
  ldap: /20037$/,
}

function byText(said: Buffer, answers: Record<string, readonly string[]>): readonly string[] | undefined {
  const found = Object.entries(answers).find(([word]) => said.toString('latin1').startsWith(word))
  return found?.[1] ?? ['500 what?\r\n']
}

async function serve(protocol: Protocol, refuse = false): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    for (const part of greetings[protocol] ?? []) socket.write(part)
    const onData = (said: Buffer) => {
      if (refuse) return void socket.write(refusals[protocol])
      for (const part of dialogues[protocol](said) ?? []) socket.write(part)
      if (lastWords[protocol].test(said.toString('latin1'))) secure(socket, onData)
    }
    socket.on('data', onData)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const refusals: Record<Protocol, string | Buffer> = {
  smtp: '502 not here\r\n',
  ftp: '534 no\r\n',
  imap: 'a1 BAD no\r\n',
  pop3: '-ERR no\r\n',
  postgres: 'N',
  ldap: Buffer.from('300c02010178070a013404000400', 'hex'),
}

function secure(socket: Socket, onData: (said: Buffer) => void): void {
  socket.off('data', onData)
  new TLSSocket(socket, { isServer: true, secureContext: context }).on('error', () => undefined)
}

const look = (endpoint: Endpoint, timeLimitSeconds = 50, signal = new AbortController().signal) =>
  probe({ connect: openConnection, startTls }, endpoint, { serverName: 'localhost', timeLimitSeconds, signal })

describe.each(['smtp', 'ftp', 'imap', 'pop3', 'postgres', 'ldap'] as const)('%s', (protocol) => {
  it('is asked for TLS in its own words, and shows its certificate and chain', async () => {
    const port = await serve(protocol)
    const seen = await look({ host: '127.0.0.1', port, startTls: protocol })
    expect(seen.fingerprint).toBe(material.leafs[0].fingerprint)
    expect(seen.chain).toHaveLength(1)
  })

  it('that does not offer TLS is named with what it said', async () => {
    const port = await serve(protocol, true)
    await expect(look({ host: '127.0.0.1', port, startTls: protocol })).rejects.toThrow(/does not offer TLS here/)
  })
})

describe('a probe', () => {
  it('of a server that says nothing ends at its time limit', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(look({ host: '127.0.0.1', port, startTls: 'smtp' }, 0.2)).rejects.toMatchObject({
      code: 'upstream_unavailable',
    })
    await expect(look({ host: '127.0.0.1', port }, 0.2)).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('of a port where nobody listens says which one', async () => {
    await expect(look({ host: '127.0.0.1', port: 1 })).rejects.toThrow(/127\.0\.0\.1:1/)
  })

  it('ends at once when it is interrupted', async () => {
    const port = await serve('smtp')
    const controller = new AbortController()
    controller.abort(new Error('stop'))
    await expect(look({ host: '127.0.0.1', port }, 30, controller.signal)).rejects.toMatchObject({ code: 'aborted' })
  })

  it('of a server that closes before TLS says so', async () => {
    const server = createServer((socket) => void socket.end())
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(look({ host: '127.0.0.1', port, startTls: 'imap' })).rejects.toThrow(
      /closed the connection before TLS/,
    )
  })
})
