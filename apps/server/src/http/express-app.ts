import { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import express, { type Application, type NextFunction, type Request, type Response, type Router } from 'express'
import type { HttpRequest } from './handlers.js'
import type { Found } from './serve.js'

export type Serve = (found: Found, pair: { incoming: IncomingMessage; outgoing: ServerResponse }) => Promise<void>

/** Express finds the route, one sub-router per noun; everything else is `serve`'s. */
export function createExpressApp(routes: readonly Route<HttpRequest>[], serve: Serve): Application {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.set('query parser', false)
  keepPrototypes(app)
  for (const [prefix, members] of byPrefix(routes)) app.use(prefix, routerOf(prefix, members, serve))
  app.use((incoming: Request, outgoing: Response) => void serve({ url: incoming.originalUrl }, { incoming, outgoing }))
  app.use((error: unknown, incoming: Request, outgoing: Response, _next: NextFunction) => {
    void serve({ url: incoming.originalUrl, fault: faultOf(error) }, { incoming, outgoing })
  })
  return app
}

/**
 * Express sets the prototype of every request and response to its own, and on Node 20 that alone halves what a server can answer.
 * Nothing here needs what Express adds to them, so its own are Node's, and setting them is a no-op.
 */
function keepPrototypes(app: Application): void {
  Object.assign(app, { request: IncomingMessage.prototype, response: ServerResponse.prototype })
}

function byPrefix(routes: readonly Route<HttpRequest>[]): Map<string, Route<HttpRequest>[]> {
  const groups = new Map<string, Route<HttpRequest>[]>()
  for (const route of routes) {
    const prefix = /^\/api\/v1\/[^/]+/.exec(route.path)?.[0] ?? '/'
    groups.set(prefix, [...(groups.get(prefix) ?? []), route])
  }
  // The prefix of everything comes last.
  return new Map([...groups].sort(([one], [other]) => other.length - one.length))
}

function routerOf(prefix: string, routes: readonly Route<HttpRequest>[], serve: Serve): Router {
  const router = express.Router({ caseSensitive: true })
  for (const path of new Set(routes.map((route) => route.path))) {
    const members = routes.filter((route) => route.path === path)
    const place = router.route(path.slice(prefix === '/' ? 0 : prefix.length) || '/')
    for (const route of members) {
      const verb = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'delete'
      place[verb]((incoming: Request, outgoing: Response) => {
        void serve({ route, params: incoming.params, url: incoming.originalUrl }, { incoming, outgoing })
      })
    }
    place.all((incoming: Request, outgoing: Response) => {
      const allowed = members.map((route) => route.method).join(', ')
      outgoing.setHeader('allow', allowed)
      const fault = new CertctlError(
        'method_not_allowed',
        `${incoming.method} is not allowed here; allowed: ${allowed}`,
      )
      void serve({ url: incoming.originalUrl, fault }, { incoming, outgoing })
    })
  }
  return router
}

/** What Express itself refuses: a path that cannot be decoded. */
function faultOf(error: unknown): unknown {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
  return status === 400 ? new CertctlError('request_malformed', 'The path cannot be decoded', { cause: error }) : error
}
