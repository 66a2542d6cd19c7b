import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { timeLimit } from '@certctl/kit'
import { errnoOf } from '../errno-of.js'
import type { WebLook } from '../looks.js'

export interface Request {
  scheme: 'http' | 'https'
  /** Connected to as it is; never looked up. */
  address: string
  port: number
  /** Whom we ask for. */
  host: string
  path: string
  /** What must not come back. */
  token: string
  signal: AbortSignal
}

const limitMs = 5000
const mostBytes = 4096
const noWay = ['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']

/** One GET to one address: what came back, in few words. As a CA does, it takes any certificate and follows nothing. */
export async function getOnce(asked: Request): Promise<WebLook> {
  const limit = timeLimit(limitMs / 1000)
  const signal = AbortSignal.any([asked.signal, limit])
  let isConnected = false
  try {
    const response = await send(asked, signal, () => {
      isConnected = true
    })
    const echoesToken = (await beginningOf(response)).includes(asked.token)
    const { statusCode: status = 0, headers } = response
    return { state: 'answered', status, location: headers.location?.slice(0, 2048), echoesToken }
  } catch (error) {
    const code = errnoOf(error)
    if (noWay.includes(code)) return { state: 'unseen', reason: 'there is no way to it from this server' }
    if (isConnected) return { state: 'not_http', reason: signal.aborted ? 'it said nothing' : `it broke off (${code})` }
    return { state: code === 'ECONNREFUSED' ? 'closed' : 'filtered' }
  }
}

async function send(asked: Request, signal: AbortSignal, onConnect: () => void): Promise<IncomingMessage> {
  const { scheme, address, port, host, path } = asked
  const shownHost = host.includes(':') ? `[${host}]` : host
  const options = {
    host: address,
    port,
    path,
    signal,
    agent: false,
    headers: { host: shownHost, 'user-agent': 'certctl doctor', accept: '*/*' },
  }
  // RFC 8555 §8.3 and what CAs do: the certificate behind a redirect is not judged.
  const tls = { rejectUnauthorized: false, ...(isIP(host) === 0 ? { servername: host } : {}) }
  return await new Promise((resolve, reject) => {
    const request = scheme === 'https' ? httpsRequest({ ...options, ...tls }) : httpRequest(options)
    request.on('socket', (socket) => socket.once('connect', onConnect))
    request.on('response', resolve)
    request.on('error', reject)
    request.end()
  })
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= mostBytes) break
  }
  return Buffer.concat(chunks).toString('latin1')
}
