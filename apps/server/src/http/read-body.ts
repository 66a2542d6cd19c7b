import type { IncomingMessage } from 'node:http'
import { CertctlError, messageOf } from '@certctl/core'

/** Reads a JSON body; `undefined` when there is none. Throws `too_large`, `media_type_unsupported` or `request_malformed`. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const declared = request.headers['content-length']
  const isChunked = request.headers['transfer-encoding'] !== undefined
  if (!isChunked && (declared === undefined || declared === '0')) return undefined
  if (Number(declared ?? 0) > maxBytes) throw tooLarge(maxBytes)
  requireJson(request)
  return parse(await readBytes(request, maxBytes))
}

function requireJson({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity')
    throw new CertctlError('media_type_unsupported', `The body is encoded as "${encoding}"; send it as it is`)
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='))
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset)
  if (/^application\/(?:json|[\w.-]+\+json)$/.test(type.trim()) && isUtf8) return
  throw new CertctlError('media_type_unsupported', 'The body must be application/json in UTF-8')
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    // The parser's own words quote the body, which may hold a secret.
    const where = /position \d+/.exec(messageOf(cause))?.[0]
    throw new CertctlError('request_malformed', `The body is not JSON${where === undefined ? '' : ` (at ${where})`}`, {
      cause: new Error('not JSON'),
    })
  }
}

function tooLarge(maxBytes: number): CertctlError {
  return new CertctlError('too_large', `The body is larger than ${maxBytes} bytes`)
}
