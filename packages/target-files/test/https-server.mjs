// A small HTTPS server as people write them: reads two PEM files, and again on SIGHUP; a pair it cannot use leaves the old one.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [certificate, key] = process.argv.slice(2)
const read = () => ({ cert: readFileSync(certificate), key: readFileSync(key) })

const server = createServer(read(), (_, response) => response.end('ok'))
process.on('SIGHUP', () => {
  try {
    server.setSecureContext(read())
  } catch (error) {
    process.stderr.write(`${error}\n`)
  }
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))
