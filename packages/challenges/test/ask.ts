import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { connect } from 'node:tls'
import { type LiveAnswer, liveAnswer } from '../src/index.js'

export const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'

export function httpAnswer(token: string, more: { name?: string; port: number; thumbprint?: string }): LiveAnswer {
  const keyAuthorization = `${token}.${more.thumbprint ?? thumbprint}`
  return liveAnswer({
    kind: 'http-01',
    name: more.name ?? 'www.example.test',
    port: more.port,
    token,
    keyAuthorization,
  })
}

export function tlsAnswer(name: string, port: number, token = 'token-of-tls'): LiveAnswer {
  return liveAnswer({ kind: 'tls-alpn-01', name, port, keyAuthorization: `${token}.${thumbprint}` })
}

/** What a server says to these bytes until it hangs up; empty where nobody listens. */
export async function raw(port: number, text: string): Promise<string> {
  return await new Promise((resolve) => {
    let said = ''
    const socket = connectTcp({ host: '127.0.0.1', port }, () => socket.write(text))
    socket.setEncoding('latin1').on('data', (part: string) => {
      said += part
    })
    socket.once('error', () => resolve(said))
    socket.once('close', () => resolve(said))
  })
}

/** A connection that asks for nothing. On a slow machine it may have been ended before its beginning is heard of, which is then all that is heard. */
export async function hold(port: number, onEnd: () => void): Promise<Socket> {
  return await new Promise((resolve) => {
    const socket = connectTcp({ host: '127.0.0.1', port }, () => {
      socket.write('GET /')
      resolve(socket)
    })
    socket.once('error', () => resolve(socket))
    socket.once('close', onEnd)
  })
}

export async function get(port: number, path: string, { method = 'GET', host = 'www.example.test' } = {}) {
  const said = await raw(port, `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  const [head = '', body = ''] = said.split('\r\n\r\n')
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head: head.toLowerCase(), body }
}

export const acmePath = (token: string) => `/.well-known/acme-challenge/${token}`

/** As a CA does: the certificate of one handshake, or why there was none. */
export async function shakeHands(
  port: number,
  serverName: string,
  protocols: string[] = ['acme-tls/1'],
): Promise<{ certificate: X509Certificate; protocol: string | false | null } | string> {
  return await new Promise((resolve) => {
    const socket = connect(
      { host: '127.0.0.1', port, servername: serverName, ALPNProtocols: protocols, rejectUnauthorized: false },
      () => {
        const { raw: der } = socket.getPeerCertificate()
        resolve({ certificate: new X509Certificate(der), protocol: socket.alpnProtocol })
        socket.destroy()
      },
    )
    socket.once('error', (error) => resolve(error.message))
  })
}

/** The acmeIdentifier extension of RFC 8737 §3 for this key authorization: critical, a digest in an octet string. */
export function identifierDer(keyAuthorization: string): Buffer {
  const digest = createHash('sha256').update(keyAuthorization).digest()
  return Buffer.concat([Buffer.from('06082b0601050507011f0101ff04220420', 'hex'), digest])
}
