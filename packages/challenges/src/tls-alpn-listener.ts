import { createSecureContext, createServer, type SecureContext } from 'node:tls'
import { challengeCertificate } from './challenge-certificate.js'
import { listen, type OpenListener } from './listen.js'

export interface TlsAlpnListenerOptions {
  port: number
  host?: string | undefined
  /** The live answer for this server name, in lower case. */
  find(serverName: string): Promise<{ name: string; keyAuthorization: string } | undefined>
  now(): Date
}

export const acmeProtocol = 'acme-tls/1'

/** Most certificates that are kept ready; the oldest is made again where it is still asked for. */
const mostKept = 1024

/** Answers tls-alpn-01 (RFC 8737): the handshake is the answer, and no byte is exchanged after it. Whoever offers another protocol is refused. */
export async function openTlsAlpnListener({ port, host, find, now }: TlsAlpnListenerOptions): Promise<OpenListener> {
  const kept = new Map<string, Promise<SecureContext>>()
  const contextOf = (answer: { name: string; keyAuthorization: string }): Promise<SecureContext> => {
    const key = `${answer.name} ${answer.keyAuthorization}`
    const context = kept.get(key) ?? challengeCertificate(answer, now()).then((pair) => createSecureContext(pair))
    kept.set(key, context)
    const [oldest] = kept.keys()
    if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest)
    return context
  }
  const server = createServer(
    {
      minVersion: 'TLSv1.2',
      handshakeTimeout: 5000,
      ALPNCallback: ({ protocols }) => (protocols.includes(acmeProtocol) ? acmeProtocol : undefined),
      SNICallback: (serverName, done) => {
        find(serverName.toLowerCase())
          .then(async (answer) => (answer === undefined ? undefined : await contextOf(answer)))
          .then(
            (context) => done(null, context),
            (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
          )
      },
    },
    (socket) => socket.end(),
  )
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return await listen(server, { kind: 'tls-alpn-01', port, host })
}
