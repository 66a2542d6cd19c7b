import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { apiError, type RawReply } from '@certctl/api'
import type { Once } from './once.js'

/** What befalls a request that changes something. */
export type Fault =
  | 'does not arrive'
  | 'its answer is lost'
  | 'the server is killed'
  | 'the server is killed for good'
  | 'the server ends after it'
  | 'a proxy has no answer'
  | 'a proxy says 503'
  | 'the key is taken back'
  | 'it is too large'
  | 'the server is at fault'
  | 'the database is lost'

interface Place {
  request: IncomingMessage
  response: ServerResponse
  server: Server
  once: Once
}

/** The answer, or none where the connection has ended. */
export async function befall(
  fault: Fault | undefined,
  { request, response, server, once }: Place,
  answer: () => Promise<RawReply>,
): Promise<RawReply | undefined> {
  if (fault === 'it is too large') throw apiError('too_large', 'The body is larger than 1048576 bytes', { status: 413 })
  if (fault === 'the server is at fault') throw apiError('internal', 'Something went wrong', { status: 500 })
  if (fault === 'the key is taken back') throw apiError('unauthenticated', 'The API key is not known', { status: 401 })
  if (fault === 'a proxy has no answer')
    return { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' }
  if (fault === 'a proxy says 503')
    return { status: 503, headers: { 'content-type': 'text/plain' }, body: 'upstream connect error' }
  if (fault === 'the server ends after it') {
    response.setHeader('connection', 'close')
    server.close()
  }
  const made = fault === 'does not arrive' ? undefined : await answer()
  if (fault === undefined || fault === 'the server ends after it') return made
  if (fault === 'the database is lost') {
    once.forgetAnswer(request)
    const detail = 'The connection to the database was lost; whether the change was kept is not known: terminated'
    throw apiError('upstream_unavailable', detail, { status: 503 })
  }
  if (fault === 'the server is killed' || fault === 'the server is killed for good') once.forgetAnswer(request)
  if (fault === 'the server is killed for good') server.close()
  request.socket.destroy()
  return undefined
}
