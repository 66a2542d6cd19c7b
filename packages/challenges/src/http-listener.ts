import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { listen, type OpenListener } from './listen.js'

export interface HttpListenerOptions {
  port: number
  host?: string | undefined
  /** The key authorization for this token, where one is live; `host` tells apart two CAs that sent the same. */
  find(token: string, host: string | undefined): Promise<string | undefined>
}

/** The whole of the target, as it came: no dots, no percent signs, no query, no other prefix. */
const path = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]{1,256})$/

/** Answers http-01 (RFC 8555 §8.3): GET and HEAD of exactly one kind of path. */
export async function openHttpListener({ port, host, find }: HttpListenerOptions): Promise<OpenListener> {
  const server = createServer(
    {
      maxHeaderSize: 8192,
      headersTimeout: 5000,
      requestTimeout: 5000,
      keepAlive: false,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      request.resume()
      answer(request, response, find).catch(() => send(response, 503))
    },
  )
  server.maxRequestsPerSocket = 1
  return await listen(server, { kind: 'http-01', port, host })
}

async function answer(
  { method, url = '', headers }: IncomingMessage,
  response: ServerResponse,
  find: HttpListenerOptions['find'],
): Promise<void> {
  const token = path.exec(url)?.[1]
  if (token === undefined) return send(response, 404)
  if (method !== 'GET' && method !== 'HEAD') return send(response, 405, { allow: 'GET, HEAD' })
  const found = await find(token, hostOf(headers.host))
  if (found === undefined) return send(response, 404)
  send(
    response,
    200,
    { 'content-type': 'application/octet-stream', 'content-length': found.length },
    method === 'GET' ? found : '',
  )
}

/** Without port and brackets. */
function hostOf(header: string | undefined): string | undefined {
  return header
    ?.replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | number> = {},
  body = '',
): void {
  if (response.headersSent) return
  response.writeHead(status, {
    'content-length': 0,
    ...headers,
    connection: 'close',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(body)
}
