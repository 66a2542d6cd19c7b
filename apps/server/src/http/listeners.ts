import type { IncomingMessage, RequestListener, ServerOptions, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { CertctlError, messageOf } from '@certctl/core'

export interface ListenerOptions {
  /** The edge's listener, and what Node's server must be made with for it. */
  app: {
    listener: RequestListener
    options: ServerOptions<typeof IncomingMessage, typeof ServerResponse>
  }
  host: string
  port: number
  pair: { certificatePem: string; privateKeyPem: string }
  minVersion: '1.2' | '1.3'
  log: { warn(fields: object, message: string): void; debug(fields: object, message: string): void }
}

export interface Listener {
  readonly port: number
  /** New connections see it; old ones go on. */
  setPair(pair: { certificatePem: string; privateKeyPem: string }): void
  /** Accepts nothing more, lets requests finish for so long, then cuts them off. Says how many were cut. */
  stop(budgetSeconds: number): Promise<number>
}

/** Only what has forward secrecy and authenticated encryption, for the case that TLS 1.2 is allowed. */
const ciphers = 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:ECDHE+AESGCM:ECDHE+CHACHA20'
const mostRequestsPerSocket = 10_000

/** Listens with TLS. Resolves when connections are accepted; throws `conflict` or `config_invalid` where the address cannot be had. */
export async function createListener(options: ListenerOptions): Promise<Listener> {
  const { app, host, port, log } = options
  const server = createServer({ ...app.options, ...secureOptions(options, options.pair) }, app.listener)
  server.maxRequestsPerSocket = mostRequestsPerSocket
  server.on('tlsClientError', (error, socket) =>
    log.debug({ address: socket.remoteAddress, reason: messageOf(error) }, 'a handshake failed'),
  )
  await listen(server, host, port)
  // A connection that the system could not hand over is no reason to end all the others.
  server.on('error', (error) => log.warn({ reason: messageOf(error) }, 'a connection could not be accepted'))
  const requests = countRequests(server)
  return {
    port: (server.address() as AddressInfo).port,
    setPair: (pair) => server.setSecureContext(secureOptions(options, pair)),
    stop: async (budgetSeconds) => await stop(server, requests, budgetSeconds),
  }
}

function secureOptions(
  { minVersion }: ListenerOptions,
  pair: ListenerOptions['pair'],
): SecureContextOptions & { ALPNProtocols: string[] } {
  return {
    cert: pair.certificatePem,
    key: pair.privateKeyPem,
    minVersion: `TLSv${minVersion}`,
    ciphers,
    honorCipherOrder: true,
    ALPNProtocols: ['http/1.1'],
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  const listening = new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  try {
    await listening
  } catch (cause) {
    throw listenError(cause, `${host}:${port}`)
  }
}

function listenError(cause: unknown, address: string): CertctlError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  if (code === 'EADDRINUSE')
    return new CertctlError(
      'conflict',
      `${address} is in use by another program; stop it, or set CERTCTL_SERVER_PORT`,
      { cause },
    )
  return new CertctlError(
    'config_invalid',
    `The server cannot listen on ${address} (CERTCTL_SERVER_HOST, CERTCTL_SERVER_PORT): ${messageOf(cause)}`,
    { cause },
  )
}

function countRequests(server: Server): { open: number } {
  const requests = { open: 0 }
  server.prependListener('request', (_request, response) => {
    requests.open += 1
    response.once('close', () => {
      requests.open -= 1
    })
  })
  return requests
}

async function stop(server: Server, requests: { open: number }, budgetSeconds: number): Promise<number> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection that was busy a moment ago and is idle now holds nothing up.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  let cut = 0
  const end = setTimeout(() => {
    cut = requests.open
    server.closeAllConnections()
  }, budgetSeconds * 1000)
  await closed
  clearInterval(idle)
  clearTimeout(end)
  return cut
}
