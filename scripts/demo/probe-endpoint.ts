/**
 * A process of its own: a new TLS connection and one request every 40 ms until it is told to stop, then one line of JSON with all it saw.
 * Usage: probe-endpoint.ts <host> <port> <server name>
 */
import { createHash } from 'node:crypto'
import { connect } from 'node:tls'

const [host = '127.0.0.1', port = '443', servername = 'localhost'] = process.argv.slice(2)
const intervalMs = 40
const limitMs = 60_000

const seen = new Map<string, number>()
const failures: string[] = []
let started = 0
let answered = 0
let stopping = false
const startedAt = process.hrtime.bigint()

/** One request on a connection of its own: the SHA-256 fingerprint of the certificate it met, once the answer is complete. */
function request(): Promise<string> {
  return new Promise((resolve, reject) => {
    let fingerprint = ''
    let answer = ''
    // The certificate is judged by its fingerprint, against what was issued; nobody told this process which CA to trust.
    const socket = connect({ host, port: Number(port), servername, rejectUnauthorized: false, timeout: limitMs })
    socket.once('secureConnect', () => {
      fingerprint = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex')
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`)
    })
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      answer += chunk
    })
    socket.once('timeout', () => socket.destroy(new Error(`no answer within ${limitMs / 1000} s`)))
    socket.once('error', reject)
    socket.once('close', () => {
      if (/^HTTP\/1\.1 200 /.test(answer)) resolve(fingerprint)
      else reject(new Error(`the connection ended with ${JSON.stringify(answer.slice(0, 40))}`))
    })
  })
}

async function look(): Promise<void> {
  started += 1
  try {
    const fingerprint = await request()
    seen.set(fingerprint, (seen.get(fingerprint) ?? 0) + 1)
    answered += 1
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error))
  }
}

/** On a busy machine ticks are late: the requests that are due by now are made up for. */
const timer = setInterval(() => {
  const due = Math.floor(secondsPassed() * (1000 / intervalMs))
  if (stopping && answered + failures.length === started) finish()
  while (!stopping && started < due) void look()
}, intervalMs / 2)

const secondsPassed = () => Number(process.hrtime.bigint() - startedAt) / 1e9

function finish(): void {
  clearInterval(timer)
  const seconds = secondsPassed()
  const fingerprints = [...seen].map(([fingerprint, requests]) => ({ fingerprint, requests }))
  process.stdout.write(
    `${JSON.stringify({ requests: started, perSecond: started / seconds, failed: failures.length, failures: failures.slice(0, 5), fingerprints })}\n`,
  )
  process.disconnect?.()
}

process.send?.('looking')
process.once('SIGTERM', () => {
  stopping = true
})
process.on('message', () => {
  stopping = true
})
