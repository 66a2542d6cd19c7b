import { hash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect as connectTls,
  type DetailedPeerCertificate,
} from 'node:tls'
import { CertctlError, type Connection, type ConnectOptions, messageOf, type TlsMaterial } from '@certctl/core'
import { resolveAllowed } from './address-policy.js'
import { errnoOf } from './errno.js'
import { timeLimit } from './time-limit.js'

const defaultLimitSeconds = 30

/** A connected stream, over TLS where `tls` is given; nothing is sent before the peer is proven. Rejects `upstream_unavailable`, `policy_denied` (address) or `aborted`. */
export async function openConnection(to: ConnectOptions): Promise<Connection> {
  const place = 'unixSocket' in to ? to.unixSocket : `${to.host}:${to.port}`
  const limitSeconds = to.timeLimitSeconds ?? defaultLimitSeconds
  const signal = timeLimit(limitSeconds, to.signal)
  try {
    const socket = await openSocket(to, signal)
    if (to.tls === undefined) return socket
    const name = to.tls.serverName ?? ('host' in to ? to.host : undefined)
    return await handshake(socket, { tls: to.tls, name, signal })
  } catch (cause) {
    if (to.signal?.aborted) throw new CertctlError('aborted', `Connecting to ${place} was interrupted`, { cause })
    if (cause instanceof CertctlError) throw cause
    const isPlain = errnoOf(cause) === 'ERR_SSL_WRONG_VERSION_NUMBER'
    const heard = isPlain ? 'what answers there does not speak TLS; check port and scheme' : messageOf(cause)
    const reason = signal.aborted ? `no answer within ${limitSeconds} s` : heard
    throw new CertctlError('upstream_unavailable', `${place} cannot be reached: ${reason}`, { cause })
  }
}

/** Upgrades a stream after STARTTLS; the same rules as `openConnection`. `serverName` says who the peer must be. */
export async function startTls(stream: Connection, tls: TlsMaterial): Promise<Connection> {
  const signal = timeLimit(defaultLimitSeconds)
  try {
    return await handshake(stream, { tls, name: tls.serverName, signal })
  } catch (cause) {
    if (cause instanceof CertctlError) throw cause
    throw new CertctlError('upstream_unavailable', `TLS did not begin: ${messageOf(cause)}`, { cause })
  }
}

async function openSocket(to: ConnectOptions, signal: AbortSignal): Promise<Socket> {
  if ('unixSocket' in to) return await opened(connectTcp({ path: to.unixSocket }), 'connect', signal)
  const aborted = once(signal, 'abort').then(() => Promise.reject(signal.reason as Error))
  const addresses = await Promise.race([resolveAllowed(to.host, to.addresses ?? 'any'), aborted])
  const found = addresses.map((address) => ({ address, family: isIP(address) }))
  const socket = connectTcp({
    host: to.host,
    port: to.port,
    autoSelectFamily: true,
    lookup: (_name, options, done) => {
      if (options.all === true) done(null, found)
      else done(null, found[0]?.address ?? '', found[0]?.family)
    },
  })
  return await opened(socket, 'connect', signal)
}

async function handshake(
  stream: Duplex,
  { tls, name, signal }: { tls: TlsMaterial; name: string | undefined; signal: AbortSignal },
): Promise<Connection> {
  let chain: readonly Uint8Array[] | undefined
  const socket = connectTls({
    ...tlsOptionsOf(tls),
    socket: stream,
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
    checkServerIdentity: (_host, certificate) => {
      // The platform gives the intermediates to the first who asks, and here it has asked for us.
      chain = chainOf(certificate as DetailedPeerCertificate)
      return tls.pinSpkiSha256 === undefined ? checkServerIdentity(name ?? '', certificate) : undefined
    },
  })
  await opened(socket, 'secureConnect', signal)
  chain ??= chainOf(socket.getPeerCertificate(true))
  const fault = tls.pinSpkiSha256 === undefined ? undefined : pinFault(chain, tls.pinSpkiSha256, name)
  if (fault !== undefined) {
    socket.destroy()
    throw new Error(fault)
  }
  const peer = { chain, protocol: socket.getProtocol() ?? 'unknown', cipher: socket.getCipher().name }
  return Object.assign(socket, { peer })
}

/** What the platform needs to know. Where a key is pinned and no CA is given, the pin is the trust and `pinFault` judges. */
export function tlsOptionsOf(tls: TlsMaterial): ConnectionOptions {
  const judgedByPin = tls.pinSpkiSha256 !== undefined && tls.caPem === undefined
  return {
    minVersion: tls.minVersion ?? 'TLSv1.2',
    rejectUnauthorized: tls.insecure !== true && !judgedByPin,
    ...(tls.caPem === undefined ? {} : { ca: tls.caPem }),
    ...(tls.certificatePem === undefined ? {} : { cert: tls.certificatePem }),
    ...(tls.privateKeyPem === undefined ? {} : { key: tls.privateKeyPem.reveal() }),
  }
}

/** The pinned key must be that of the leaf, or of a CA that signed down to it; under a pinned CA the name must fit too. Validity is not judged: the clock of a new host may be wrong. */
function pinFault(chain: readonly Uint8Array[], pin: string, name: string | undefined): string | undefined {
  const certificates = chain.map((der) => new X509Certificate(der))
  const pinned = certificates.findIndex((certificate) => spkiHashOf(certificate) === pin.toLowerCase())
  const [leaf] = certificates
  const links = certificates.slice(0, Math.max(pinned, 0))
  const signed = links.every((certificate, index) => isSignedBy(certificate, certificates[index + 1]))
  if (leaf === undefined || pinned === -1 || !signed)
    return 'the server does not prove to hold the pinned key; if its CA was replaced, pin the new one'
  if (pinned === 0 || (name !== undefined && isNamed(leaf, name))) return undefined
  return `the certificate of the server is not for ${name ?? 'the name asked'}`
}

function spkiHashOf({ publicKey }: X509Certificate): string {
  return hash('sha256', publicKey.export({ type: 'spki', format: 'der' }), 'hex')
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate | undefined): boolean {
  return issuer?.ca === true && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isNamed(leaf: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined
}

function chainOf(leaf: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = []
  for (let next: DetailedPeerCertificate | undefined = leaf; next?.raw !== undefined; next = next.issuerCertificate) {
    chain.push(next.raw)
    if (next.issuerCertificate === next || next.issuerCertificate?.fingerprint256 === next.fingerprint256) break
  }
  return chain
}

/** Resolves to the socket when the event has come; destroys it when it fails or the signal fires. */
async function opened<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<S> {
  try {
    await once(socket, event, { signal })
    return socket
  } catch (error) {
    socket.on('error', () => undefined) // it is given up; what it still says is of no use
    socket.destroy()
    throw error
  }
}
