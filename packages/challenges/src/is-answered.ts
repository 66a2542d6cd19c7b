import { createHash } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:tls'
import type { LiveAnswer } from './live-answer.js'
import { serverNameOf } from './server-name.js'
import { acmeProtocol } from './tls-alpn-listener.js'

const limitMs = 5000

/** Whether somebody gives this answer on its port of this machine, whoever it is: another copy of the server, or what hands on to one. Never rejects. */
export async function isAnswered(answer: LiveAnswer, host = '127.0.0.1'): Promise<boolean> {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return answer.kind === 'http-01' ? await says(answer, address) : await presents(answer, address)
}

async function says({ port, token, name, keyAuthorization }: LiveAnswer, host: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const asked = request(
      { host, port, path: `/.well-known/acme-challenge/${token}`, headers: { host: name }, agent: false },
      (response) => {
        let body = ''
        response.setEncoding('latin1').on('data', (part: string) => {
          body += part
          if (body.length > 2 * keyAuthorization.length) response.destroy()
        })
        response.once('close', () => resolve(response.statusCode === 200 && body.trim() === keyAuthorization))
      },
    )
    asked.setTimeout(limitMs, () => asked.destroy())
    asked.once('error', () => resolve(false))
    asked.end()
  })
}

async function presents({ port, name, keyAuthorization }: LiveAnswer, host: string): Promise<boolean> {
  const digest = createHash('sha256').update(keyAuthorization).digest()
  return await new Promise((resolve) => {
    // Self-signed by design: what counts is the digest in it.
    const socket = connect({
      host,
      port,
      servername: serverNameOf(name),
      ALPNProtocols: [acmeProtocol],
      rejectUnauthorized: false,
      timeout: limitMs,
    })
    const end = (isOurs: boolean) => {
      resolve(isOurs)
      socket.destroy()
    }
    socket.once('secureConnect', () => {
      const { raw } = socket.getPeerCertificate()
      end(socket.alpnProtocol === acmeProtocol && raw?.includes(digest))
    })
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
