import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RawReply } from '@certctl/api'

/** Names and values in turn, as `writeHead` takes them with the least work. */
export type FlatHeaders = readonly string[]

/** A request of `node:http` and its answer. */
export interface Pair {
  incoming: IncomingMessage
  outgoing: ServerResponse
}

/** From here on an answer is put into bytes once; joined to its head as text it would be copied twice more. */
const largeText = 4096

/**
 * Writes an answer; pieces as fast as the client takes them. A body that was not read ends the connection, so that nobody waits for it.
 * `always` is on every answer: what a reply says under the same name is left out.
 */
export async function sendReply(
  { incoming, outgoing }: Pair,
  { status, headers, body }: RawReply,
  always: FlatHeaders,
): Promise<void> {
  if (outgoing.destroyed) return
  const flat = [...always]
  for (const name in headers) if (!always.includes(name)) flat.push(name, headers[name] ?? '')
  if (!incoming.complete) flat.push('connection', 'close')
  if (typeof body === 'object') {
    outgoing.writeHead(status, flat)
    await pipeline(Readable.from(body), outgoing)
    return
  }
  const content = body !== undefined && body.length >= largeText ? Buffer.from(body) : body
  if (content !== undefined) flat.push('content-length', String(Buffer.byteLength(content)))
  else if (status !== 204 && status !== 304) flat.push('content-length', '0')
  outgoing.writeHead(status, flat)
  outgoing.end(incoming.method === 'HEAD' ? undefined : content)
}
