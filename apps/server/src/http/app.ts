import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { bind, operations, type Route } from '@certctl/api'
import { messageOf } from '@certctl/core'
import { createAuthenticator } from '../access/authenticator.js'
import { createLegacyAgents } from '../access/legacy-agents.js'
import type { Principal } from '../access/principal.js'
import { createRefusedLogins } from '../access/refused-logins.js'
import { createHeartbeats } from '../inventory/heartbeats.js'
import type { Services } from '../services.js'
import { createClientAddress } from './client-address.js'
import { createCors } from './cors.js'
import { createExpressApp } from './express-app.js'
import type { HttpRequest } from './handlers.js'
import { createHotLane } from './hot.js'
import { createRateLimit } from './rate-limit.js'
import { createHandlers } from './routes/index.js'
import { type Edge, serve } from './serve.js'
import type { HttpSettings } from './settings.js'

/** The REST edge: what a listener needs to answer. */
export interface HttpApp {
  listener: RequestListener
  /** To be given to `https.createServer` beside its TLS options. */
  options: {
    requestTimeout: number
    headersTimeout: number
    keepAliveTimeout: number
    maxHeaderSize: number
  }
  /** Every route that answers. */
  routes: readonly Route<HttpRequest>[]
  /** Writes down what is remembered only here (heartbeats, uses of keys). */
  flush(): Promise<void>
  close(): Promise<void>
}

const flushEveryMs = 1000

/** Composes the edge. Hot endpoints are answered before Express sees them, by the same function. */
export function createHttpApp(services: Services, settings: HttpSettings): HttpApp {
  const authenticator = createAuthenticator(services)
  const heartbeats = createHeartbeats(services)
  const edge: Edge = {
    services,
    authenticator,
    rateLimit: createRateLimit(settings.rateLimit),
    addressOf: createClientAddress(settings.trustedProxies),
    corsHeaders: createCors(settings.corsOrigins),
    loginRefused: createRefusedLogins(services),
    actAs: createLegacyAgents(services),
    maxBodyBytes: settings.maxBodyBytes,
  }
  const routes: Route<HttpRequest>[] = []
  bind<typeof operations, Principal, HttpRequest>(operations, createHandlers(services, settings, heartbeats), {
    route: (route) => void routes.push(route),
    authorize: (_operation, request) => request.principal,
    checkReplies: settings.checkReplies,
  })
  const app = createExpressApp(routes, (found, pair) => serve(edge, found, pair))
  const hotLane = createHotLane(routes)
  const flush = async (): Promise<void> => {
    await Promise.all([heartbeats.flush(), authenticator.flush()])
  }
  const timer = setInterval(() => void flush().catch(warn), flushEveryMs).unref()
  const warn = (error: unknown): void =>
    services.log.warn({ reason: messageOf(error) }, 'heartbeats could not be written; they will be with the next ones')

  return {
    listener(incoming, outgoing) {
      if (incoming.method === 'OPTIONS') return answerPreflight(edge, incoming, outgoing)
      const hot = hotLane(incoming)
      if (hot === undefined) app(incoming as never, outgoing as never)
      else void serve(edge, hot, { incoming, outgoing })
    },
    options: {
      requestTimeout: 30_000,
      headersTimeout: 5000,
      keepAliveTimeout: 75_000,
      maxHeaderSize: 16_384,
    },
    routes,
    flush,
    async close() {
      clearInterval(timer)
      authenticator.close()
      await flush()
    },
  }
}

function answerPreflight(edge: Edge, incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(204, [...edge.corsHeaders(incoming.headers.origin)])
  outgoing.end()
}
