import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RawReply } from '@certctl/api'

/** Writes an answer; pieces as fast as the client takes them. A body that was not read ends the connection, so that nobody waits for it. */
export async function sendReply(
  { incoming, outgoing }: { incoming: IncomingMessage; outgoing: ServerResponse },
  { status, headers, body }: RawReply,
): Promise<void> {
  if (outgoing.destroyed) return
  const unread = !incoming.complete
  const framing = unread ? { connection: 'close' } : {}
  if (typeof body === 'object') {
    outgoing.writeHead(status, { ...headers, ...framing })
    await pipeline(Readable.from(body), outgoing)
    return
  }
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const none = status === 204 || status === 304 ? {} : { 'content-length': '0' }
  outgoing.writeHead(status, { ...headers, ...(body === undefined ? none : length), ...framing })
  outgoing.end(incoming.method === 'HEAD' ? undefined : body)
}
