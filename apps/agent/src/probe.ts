import { createHash } from 'node:crypto'
import {
  CertctlError,
  type Connection,
  type Endpoint,
  type Fingerprint,
  type Host,
  isCertctlError,
  messageOf,
} from '@certctl/core'
import { timeLimit } from '@certctl/kit'
import { askForTls } from './start-tls.js'

/** What one handshake showed: the leaf and what was sent with it. */
export interface Seen {
  fingerprint: Fingerprint
  leaf: Uint8Array
  /** As sent, without the leaf. */
  chain: readonly Uint8Array[]
}

/** The network as a probe needs it. */
export type ProbeNet = Pick<Host, 'connect' | 'startTls'>

interface ProbeOptions {
  /** SNI; none for a server that is asked by its address. */
  serverName: string | undefined
  timeLimitSeconds: number
  signal: AbortSignal
}

/** Shakes hands with an endpoint and judges nothing. Rejects `upstream_unavailable` where no handshake came about. */
export async function probe(net: ProbeNet, endpoint: Endpoint, options: ProbeOptions): Promise<Seen> {
  const signal = timeLimit(options.timeLimitSeconds, options.signal)
  try {
    return seenOf(await handshake(net, endpoint, { ...options, signal }))
  } catch (cause) {
    if (isCertctlError(cause) && cause.code === 'aborted' && options.signal.aborted) throw cause
    throw new CertctlError('upstream_unavailable', `${endpointText(endpoint)}: ${messageOf(cause)}`, { cause })
  }
}

async function handshake(
  net: ProbeNet,
  { host, port, startTls }: Endpoint,
  options: ProbeOptions,
): Promise<Connection> {
  const tls = { serverName: options.serverName, insecure: true, minVersion: 'TLSv1.2' } as const
  const { timeLimitSeconds, signal } = options
  if (startTls === undefined) return await net.connect({ host, port, tls, timeLimitSeconds, signal })
  const plain = await net.connect({ host, port, timeLimitSeconds, signal })
  const end = () => void plain.destroy()
  signal.addEventListener('abort', end, { once: true })
  try {
    await askForTls(plain, startTls)
    return await net.startTls(plain, tls)
  } catch (error) {
    plain.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', end)
  }
}

function seenOf(connection: Connection): Seen {
  connection.on('error', () => undefined) // What happens to the connection after the handshake is of no interest.
  connection.destroy()
  const [leaf, ...chain] = connection.peer?.chain ?? []
  if (leaf === undefined) throw new CertctlError('upstream_protocol', 'the server sent no certificate')
  return { fingerprint: createHash('sha256').update(leaf).digest('hex'), leaf, chain }
}

/** `host:port`, brackets round an IPv6 address. */
export function endpointText({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
