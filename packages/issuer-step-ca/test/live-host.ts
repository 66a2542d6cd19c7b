import type { HttpRequest, IssuerHost } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, createTestIssuerHost } from '@certctl/testing'

export interface LogLine {
  message: string
  fields: Readonly<Record<string, unknown>>
}
export type LiveHost = IssuerHost & { readonly warned: LogLine[]; readonly sent: HttpRequest[] }

/** A server's host: real network and files, state in memory, and a clock that may be wrong; what was logged and sent on it. */
export function liveHost(clockSeconds = 0): LiveHost {
  const warned: LogLine[] = []
  const sent: HttpRequest[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message: string, fields = {}) => void warned.push({ message, fields }),
  }
  const now = (): Date => new Date(Date.now() + clockSeconds * 1000)
  const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(now), log, clock: { now } })
  const { challenges, dns } = createTestIssuerHost()
  return {
    ...host,
    challenges,
    dns,
    warned,
    sent,
    http(options) {
      const client = host.http(options)
      return {
        request(request) {
          sent.push(request)
          return client.request(request)
        },
      }
    },
  }
}
