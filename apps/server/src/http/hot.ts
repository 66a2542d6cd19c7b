import type { IncomingMessage } from 'node:http'
import type { Route } from '@certctl/api'
import type { HttpRequest } from './handlers.js'

/** Asked so often that Express would cost more than the answer. */
const hotOperations = new Set(['getHealth', 'getReady', 'agentHeartbeat', 'getAgentWork', 'listCertificates'])

const agentPath = /^\/api\/v1\/agents\/([A-Za-z0-9._-]{1,64})\/(heartbeat|work)$/

export type HotLane = (
  incoming: IncomingMessage,
) => { route: Route<HttpRequest>; params: Readonly<Record<string, string>> } | undefined

/** Finds the route of a hot request; `undefined` for everything else. */
export function createHotLane(routes: readonly Route<HttpRequest>[]): HotLane {
  const hot = routes.filter((route) => hotOperations.has(route.operation.operationId))
  const literal = new Map(hot.map((route) => [`${route.method} ${route.path}`, { route, params: {} }]))
  const byVerb = new Map(hot.map((route) => [`${route.method} ${route.path.split('/').at(-1)}`, route]))
  return ({ method, url = '' }) => {
    const mark = url.indexOf('?')
    const path = mark === -1 ? url : url.slice(0, mark)
    const known = literal.get(`${method} ${path}`)
    if (known !== undefined) return known
    const [, id, verb] = agentPath.exec(path) ?? []
    const route = id === undefined ? undefined : byVerb.get(`${method} ${verb}`)
    return route === undefined || id === undefined ? undefined : { route, params: { id } }
  }
}
