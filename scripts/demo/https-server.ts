/**
 * The web server of the demonstration where there is no NGINX: an HTTPS server that reads its two files at SIGHUP.
 * It takes the listening socket as file descriptor 3. Usage: https-server.ts <full chain file> <key file> <pid file>
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createSecureContext } from 'node:tls'

const [certificateFile = '', keyFile = '', pidFile = ''] = process.argv.slice(2)

/** A pair that does not fit is refused, and the one in use stays. */
function load(): void {
  try {
    const pair = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
    createSecureContext(pair)
    server.setSecureContext(pair)
  } catch (error) {
    process.stderr.write(`kept the certificate in use: ${error instanceof Error ? error.message : String(error)}\n`)
  }
}

const server = createServer((_request, response) => response.end('Served by the demonstration server of certctl.\n'))
load()
process.on('SIGHUP', load)
process.on('SIGTERM', () => process.exit(0))
server.listen({ fd: 3 }, () => writeFileSync(pidFile, `${process.pid}\n`))
