import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'

/** An HTTPS server that serves `<folder>/<server name>/{fullchain,key}.pem`, read anew for each handshake: a pair that is torn is a handshake that fails. */
export async function startSniServer(folder: string): Promise<{ port: number; close(): void }> {
  const server = createServer(
    {
      SNICallback: (name, done) => {
        try {
          const place = join(folder, name)
          done(
            null,
            createSecureContext({
              cert: readFileSync(join(place, 'fullchain.pem')),
              key: readFileSync(join(place, 'key.pem')),
            }),
          )
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)))
        }
      },
    },
    (_request, response) => response.end('ok'),
  )
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return {
    port: address.port,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
