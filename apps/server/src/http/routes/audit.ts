import { type AuditEntry, reply } from '@certctl/api'
import { messageOf } from '@certctl/core'
import { actorOf } from '../../access/principal.js'
import { appendEntry } from '../../audit/append.js'
import { exportAudit } from '../../audit/export.js'
import { getEntry, listEntries, type RecordedEntry } from '../../audit/list-entries.js'
import { verifyRecord } from '../../audit/verify.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'
import { listingOf } from '../page.js'

type Ids = 'listAuditEntries' | 'getAuditEntry' | 'exportAudit' | 'verifyAudit'

export function auditRoutes(services: Services): Handlers<Ids> {
  return {
    async listAuditEntries({ query }) {
      const { request, envelope } = listingOf(services.sealing, 'listAuditEntries', query)
      const { since, until, actor, action, resource_type, resource_id } = query
      const filter = {
        actor,
        action,
        resource_type,
        resource_id,
        since: since === undefined ? undefined : new Date(since),
        until: until === undefined ? undefined : new Date(until),
      }
      return reply(200, envelope(await listEntries(services, filter, request), viewOf))
    },
    getAuditEntry: async ({ params }) => reply(200, viewOf(await getEntry(services, params.id))),
    async exportAudit({ principal }) {
      await appendEntry(services, {
        actor: actorOf(principal),
        action: 'audit.exported',
        resource_type: 'audit',
        resource_id: 'all',
      })
      return reply(200, exportAudit(services))
    },
    async verifyAudit({ principal }) {
      const verdict = await verifyRecord(services)
      const entry = {
        actor: actorOf(principal),
        action: 'audit.verified',
        resource_type: 'audit',
        resource_id: 'all',
        details: { ok: verdict.ok },
      }
      await appendEntry(services, entry).catch((error: unknown) => {
        // A record whose heads were set back takes no entries: whoever asks must hear that, and not of this one.
        if (verdict.ok) throw error
        services.log.error({ reason: messageOf(error) }, 'that the record was verified could not be written into it')
      })
      return reply(200, verdict)
    },
  }
}

function viewOf({ id, actor, action, resource_type, resource_id, details = {}, at }: RecordedEntry): AuditEntry {
  return {
    id,
    actor: actor.name,
    actor_type: actor.type,
    action,
    resource_type,
    resource_id,
    details,
    timestamp: at,
  }
}
