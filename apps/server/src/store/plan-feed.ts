import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'

/** One holder of a key with all that decides on its renewals. */
export interface PlannedHolder {
  id: string
  certificate_id: string
  certificate_name: string
  issuer_id: string
  kind: 'agent' | 'outside' | 'server'
  agent_id: string | null
  agent_name: string | null
  last_heartbeat_at: Date | null
  renew_at: Date | null
  renew_at_reason: string | null
  next_attempt_at: Date | null
  failures: number
  last_error: string | null
  blocked_code: string | null
  window_days: number | null
  received_at: Date | null
  not_after: Date | null
  target_ids: readonly string[]
}

export function planFeedTable(db: Kysely<Schema>) {
  return {
    /**
     * Holders of certificates that somebody wants: all of them, or those that are renewed until `until`, that nobody renews or that fail
     * now. In order of id.
     */
    async listHolders(
      { until, policyId }: { until: Date | undefined; policyId: string },
      { after, limit }: { after: string; limit: number },
    ): Promise<PlannedHolder[]> {
      const concerned =
        until === undefined
          ? sql`true`
          : sql`(holders.renew_at <= ${until} or holders.failures > 0 or holders.blocked_code is not null
              or (holders.renew_at is null and (versions.id is null or versions.not_after <= ${until})))`
      const { rows } = await sql<PlannedHolder>`
        select holders.id, holders.certificate_id, certificates.name as certificate_name, certificates.issuer_id,
          holders.kind, holders.agent_id, agents.name as agent_name, agents.last_heartbeat_at,
          holders.renew_at, holders.renew_at_reason, holders.next_attempt_at, holders.failures, holders.last_error,
          holders.blocked_code, renewal_policies.renewal_window_days as window_days, versions.received_at,
          versions.not_after, coalesce(goals.ids, '{}') as target_ids
        from holders
          join certificates on certificates.id = holders.certificate_id
          left join versions on versions.id = holders.current_version_id
          left join agents on agents.id = holders.agent_id
          left join renewal_policies on renewal_policies.id = coalesce(certificates.renewal_policy_id, ${policyId})
          left join lateral (
            select array_agg(placements.target_id order by placements.target_id) as ids
            from placements join targets on targets.id = placements.target_id
            where placements.certificate_id = holders.certificate_id and placements.removed_at is null
              and targets.agent_id = holders.agent_id and targets.retired_at is null and targets.enabled
          ) as goals on true
        where holders.id > ${after} and holders.closed_at is null and certificates.archived_at is null
          and (holders.kind <> 'agent' or goals.ids is not null) and versions.revoked_at is null and ${concerned}
        order by holders.id limit ${limit}`.execute(db)
      return rows
    },
  }
}
