import { once } from 'node:events'
import { CertctlError, type Connection, type Host, messageOf } from '@certctl/core'
import { timeLimit } from '@certctl/kit'

export interface Exchange {
  /** Sends one message and reads the next one. */
  ask(message: Uint8Array): Promise<Buffer>
  close(): void
}

export interface ExchangeOptions {
  server: string
  port: number
  timeLimitSeconds: number
  signal: AbortSignal
}

/**
 * DNS over TCP (RFC 7766): every server speaks it, nothing is truncated, and nobody else can answer. Rejects `upstream_unavailable` where
 * the server is silent or hangs up, `aborted` when the signal fires.
 */
export async function openExchange(host: Host, options: ExchangeOptions): Promise<Exchange> {
  const { server, port, timeLimitSeconds, signal } = options
  const stream = await host.connect({ host: server, port, timeLimitSeconds, signal })
  // What goes wrong is told to who reads; a stream without anybody listening would end the process.
  stream.on('error', () => undefined)
  const chunks = stream.iterator({ destroyOnReturn: false })
  let rest = Buffer.alloc(0)

  const read = async (): Promise<Buffer> => {
    for (;;) {
      const length = rest.length < 2 ? Number.POSITIVE_INFINITY : rest.readUInt16BE(0)
      if (rest.length >= length + 2) {
        const message = rest.subarray(2, length + 2)
        rest = rest.subarray(length + 2)
        return message
      }
      const next: IteratorResult<Buffer> = await chunks.next()
      if (next.done === true) throw new Error('it hung up without an answer')
      rest = Buffer.concat([rest, next.value])
    }
  }

  return {
    ask: (message) =>
      within(options, stream, async () => {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        stream.write(Buffer.concat([length, message]))
        return await read()
      }),
    close: () => void stream.destroy(),
  }
}

async function within(options: ExchangeOptions, stream: Connection, act: () => Promise<Buffer>): Promise<Buffer> {
  const { server, port, timeLimitSeconds, signal } = options
  const limit = timeLimit(timeLimitSeconds, signal)
  const over = new AbortController()
  const ended = limit.aborted
    ? Promise.reject(new Error('it is too late'))
    : once(limit, 'abort', { signal: over.signal }).then(() => Promise.reject(new Error('it is too late')))
  try {
    return await Promise.race([act(), ended])
  } catch (cause) {
    stream.destroy()
    if (signal.aborted) throw new CertctlError('aborted', `The exchange with ${server} was interrupted`, { cause })
    const why = limit.aborted ? `no answer within ${timeLimitSeconds} s` : messageOf(cause)
    throw new CertctlError('upstream_unavailable', `The name server ${server}:${port} does not answer: ${why}`, {
      cause,
    })
  } finally {
    over.abort()
    ended.catch(() => undefined) // ends with our own abort
  }
}
