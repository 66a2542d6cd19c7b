import { apiError, type DnsProvider, reply } from '@certctl/api'
import { type Handlers, page } from './handlers.js'
import type { World } from './world.js'

/** DNS providers: what an issuer names is not deleted, and secrets are not shown. */
export function dnsProviderHandlers(world: World): Handlers {
  const at = () => new Date(world.now()).toISOString()
  const take = (id: string) => world.take(world.dnsProviders, 'DNS provider', id)
  const masked = (config: DnsProvider['config']) =>
    Object.fromEntries(Object.entries(config).map(([name, value]) => [name, name === 'token' ? '********' : value]))
  return {
    listDnsProviders: async ({ query }) => {
      const found = [...world.dnsProviders.values()].filter(({ type }) => (query.type ?? type) === type)
      return reply(200, page(found, query))
    },
    getDnsProvider: async ({ params }) => reply(200, take(params.id)),
    createDnsProvider: async ({ body }) => {
      const id = body.id ?? world.nextId('dns')
      const made = { test_status: 'untested', source: 'api', available: true, created_at: at(), updated_at: at() }
      world.dnsProviders.set(id, { ...body, ...made, id, config: masked(body.config) })
      return reply(201, take(id))
    },
    updateDnsProvider: async ({ params, body }) => {
      const old = take(params.id)
      const config = { ...old.config, ...masked(body.config ?? {}) }
      world.dnsProviders.set(old.id, { ...old, config, enabled: body.enabled ?? old.enabled, updated_at: at() })
      return reply(200, take(params.id))
    },
    deleteDnsProvider: async ({ params }) => {
      const { id } = take(params.id)
      const users = [...world.issuers.values()].filter(({ config }) => config.dns_provider === id)
      if (users.length > 0)
        throw apiError('conflict', `The DNS provider "${id}" is in use by issuers ${users[0]?.id}; change them first`, {
          status: 409,
        })
      world.dnsProviders.delete(id)
      return reply(204, undefined)
    },
    testDnsProvider: async ({ params }) => {
      const { config } = take(params.id)
      if (config.token === undefined)
        throw apiError('connection_failed', `The DNS provider "${params.id}" does not work: no token`, { status: 422 })
      return reply(200, { status: 'connection_successful', detail: 'the zone can be written' })
    },
  }
}
