import { openApi, operations, reply, rolePermissions } from '@certctl/api'
import { messageOf } from '@certctl/core'
import { refusalToSeal } from '../../access/follow-sealing-key.js'
import { pingDatabase } from '../../inventory/ping-database.js'
import type { Services } from '../../services.js'
import { docsPage } from '../docs-page.js'
import type { Handlers } from '../handlers.js'
import type { HttpSettings } from '../settings.js'

type Ids = 'getHealth' | 'getReady' | 'getVersion' | 'getOpenApi' | 'getDocs' | 'getAuthInfo' | 'checkAuth'

export function healthRoutes(services: Services, settings: Pick<HttpSettings, 'isStopping' | 'build'>): Handlers<Ids> {
  const { version } = services.server
  const { commit = 'unknown', modified = false, time = 'unknown' } = settings.build ?? {}
  let document: Record<string, unknown> | undefined
  let page: string | undefined
  return {
    getHealth: async () => reply(200, { status: 'healthy' }),
    async getReady() {
      if (settings.isStopping()) return reply(503, { status: 'stopping', error: 'the server is stopping' })
      try {
        await pingDatabase(services)
        const refusal = await refusalToSeal(services)
        if (refusal !== undefined) return reply(503, { status: 'encryption_key', error: refusal.message })
        return reply(200, { status: 'ready', db: 'reachable' })
      } catch (error) {
        services.log.warn({ reason: messageOf(error) }, 'not ready: the database does not answer')
        return reply(503, { status: 'db_unavailable', error: 'the database does not answer' })
      }
    },
    getVersion: async () =>
      reply(200, { version, commit, modified, build_time: time, go_version: `node ${process.versions.node}` }),
    async getOpenApi() {
      document ??= openApi(operations, { title: 'certctl', version })
      return reply(200, document)
    },
    async getDocs() {
      page ??= docsPage(version)
      return reply(200, page)
    },
    getAuthInfo: async () => reply(200, { auth_type: 'api-key', required: true }),
    async checkAuth({ principal }) {
      const role = principal.kind === 'key' ? principal.role : 'agent'
      const expiresAt = principal.kind === 'key' ? principal.expiresAt : undefined
      return reply(200, {
        status: 'authenticated',
        user: principal.kind === 'public' ? '' : principal.name,
        admin: role === 'admin',
        role,
        permissions: [...rolePermissions[role]],
        ...(principal.kind === 'agent' ? { agent_id: principal.id } : {}),
        ...(expiresAt === undefined ? {} : { expires_at: expiresAt.toISOString() }),
      })
    },
  }
}
