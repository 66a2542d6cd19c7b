import type { AddressInfo, Server, Socket } from 'node:net'
import { CertctlError, messageOf } from '@certctl/core'
import type { ChallengeKind } from './live-answer.js'

export interface OpenListener {
  readonly port: number
  /** Accepts nothing more and ends what is connected. */
  close(): Promise<void>
}

export interface ListenPlace {
  kind: ChallengeKind
  port: number
  /** Absent: all addresses, IPv6 and IPv4. */
  host?: string | undefined
}

/** CAs look from several networks at once; more connections than that are nobody's validation, and whoever has held one longest is no CA. */
const mostConnections = 512
/** No validation takes longer. */
const connectionMs = 10_000

/** Resolves when connections are accepted. Throws `conflict` for a port that is taken, `config_invalid` for one that cannot be had; both name it and what to do. */
export async function listen(server: Server, place: ListenPlace): Promise<OpenListener> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    if (sockets.size > mostConnections) endOldest(sockets)
    const timer = setTimeout(() => socket.destroy(), connectionMs)
    socket.once('close', () => {
      clearTimeout(timer)
      sockets.delete(socket)
    })
    socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(cause, place)))
    server.listen({ port: place.port, ...(place.host === undefined ? {} : { host: place.host }) }, resolve)
  })
  // A connection that the system could not hand over is no reason to end the others.
  server.on('error', () => undefined)
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Forgotten at once, since the next connection may come before its end is heard of. */
function endOldest(sockets: Set<Socket>): void {
  const [oldest] = sockets
  if (oldest === undefined) return
  sockets.delete(oldest)
  oldest.destroy()
}

const remedy = {
  'http-01': 'let its listener hand /.well-known/acme-challenge/ on to another port',
  'tls-alpn-01': 'let its listener hand TLS connections with ALPN acme-tls/1 on to another port',
} as const

function listenError(cause: unknown, { kind, port, host = 'all addresses' }: ListenPlace): CertctlError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  const where = `Port ${port} (${host}) cannot be opened to answer ${kind} challenges`
  if (code === 'EADDRINUSE')
    return new CertctlError(
      'conflict',
      `${where}: another program holds it. Stop that program, or ${remedy[kind]} and configure that port for the issuer (http_port for http-01)`,
      { cause },
    )
  if (code === 'EACCES')
    return new CertctlError(
      'config_invalid',
      `${where}: this user may not open ports below 1024. Give the program CAP_NET_BIND_SERVICE (AmbientCapabilities in its systemd unit), or ${remedy[kind]}`,
      { cause },
    )
  return new CertctlError('config_invalid', `${where}: ${messageOf(cause)}`, { cause })
}
