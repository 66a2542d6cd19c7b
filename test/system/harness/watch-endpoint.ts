import { createHash } from 'node:crypto'
import { connect } from 'node:tls'

export interface Watched {
  handshakes: number
  failures: readonly string[]
  /** Fingerprints in the order they were first seen. */
  fingerprints: readonly string[]
}
export interface EndpointWatch {
  seen(): Watched
  /** Forgets what was seen so far, and what a handshake under way will show. */
  forget(): void
  /** One more handshake, and then no other. */
  stop(): Promise<Watched>
}

/** On a machine that stands still handshakes pile up, until a web server has no connection left for them. */
const mostOpen = 100

/** A new handshake every `everyMs`; a failed one is kept with its reason. */
export function watchEndpoint({
  port,
  serverName,
  everyMs = 50,
}: {
  port: number
  serverName: string
  everyMs?: number
}): EndpointWatch {
  let failures: string[] = []
  let fingerprints: string[] = []
  let handshakes = 0
  const open = new Set<Promise<void>>()
  let era = 0
  const look = (): void => {
    const begunIn = era
    const looking = shakeHands(port, serverName)
      .then((fingerprint) => {
        if (begunIn !== era) return
        handshakes += 1
        if (!fingerprints.includes(fingerprint)) fingerprints.push(fingerprint)
      })
      .catch((error: unknown) => {
        if (begunIn === era) failures.push(error instanceof Error ? error.message : String(error))
      })
    open.add(looking)
    void looking.finally(() => open.delete(looking))
  }
  const timer = setInterval(() => {
    if (open.size < mostOpen) look()
  }, everyMs)
  const seen = () => ({ handshakes, failures: [...failures], fingerprints: [...fingerprints] })
  return {
    seen,
    forget() {
      era += 1
      failures = []
      fingerprints = []
      handshakes = 0
    },
    async stop() {
      clearInterval(timer)
      await Promise.all(open)
      look()
      await Promise.all(open)
      return seen()
    },
  }
}

/** SHA-256 fingerprint of the certificate that answers there under this name. */
export function shakeHands(port: number, servername: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false, timeout: 60_000 })
    socket.once('secureConnect', () => {
      resolve(createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex'))
      socket.destroy()
    })
    socket.once('timeout', () => socket.destroy(new Error('no handshake within 60 s')))
    socket.once('error', reject)
  })
}
