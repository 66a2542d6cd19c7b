import { type Kysely, sql } from 'kysely'
import type { Schema } from './schema.js'
import type { VersionRow } from './versions.js'

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
  /** When the maintenance window opens that a deployment waits for already, for each of these targets. */
  waits_until: readonly (Date | null)[]
  /** An agent, or somebody outside whose profile allows that. */
  may_hold_key: boolean
  /** Outside, with no CSR that may be asked for again. */
  needs_csr: boolean
}

/** A deployment that nobody has begun, and what its target serves until then. */
export interface QueuedDeployment {
  id: string
  priority: number
  run_at: Date
  target_id: string
  served: Pick<VersionRow, 'not_after' | 'revoked_at' | 'revocation_reason'> | null
}

interface QueuedRow extends Omit<QueuedDeployment, 'served'> {
  not_after: Date | null
  revoked_at: Date | null
  revocation_reason: VersionRow['revocation_reason']
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
          versions.not_after, coalesce(goals.ids, '{}') as target_ids, coalesce(goals.waits, '{}') as waits_until,
          (holders.kind <> 'outside' or coalesce('outside' = any(profiles.allowed_key_custody), true)) as may_hold_key,
          (holders.kind = 'outside' and (holders.csr_pem is null
            or (versions.id is not null and profiles.allow_key_reuse is false))) as needs_csr
        from holders
          join certificates on certificates.id = holders.certificate_id
          left join versions on versions.id = holders.current_version_id
          left join agents on agents.id = holders.agent_id
          left join renewal_policies on renewal_policies.id = coalesce(certificates.renewal_policy_id, ${policyId})
          left join profiles on profiles.id = certificates.certificate_profile_id
          left join lateral (
            select array_agg(placements.target_id order by placements.target_id) as ids,
              array_agg(case when placements.frozen_at is null and placements.blocked_code is null then placements.window_at end
                order by placements.target_id) as waits
            from placements join targets on targets.id = placements.target_id
            where placements.certificate_id = holders.certificate_id and placements.removed_at is null
              and targets.agent_id = holders.agent_id and targets.retired_at is null and targets.enabled
          ) as goals on true
        where holders.id > ${after} and holders.closed_at is null and certificates.archived_at is null
          and (holders.kind <> 'agent' or goals.ids is not null) and versions.revoked_at is null and ${concerned}
        order by holders.id limit ${limit}`.execute(db)
      return rows
    },

    /** Deployments that are to begin until `until`, or were to before now, and that what is desired still asks for. In the order of their index. */
    async listDeployments(
      until: Date,
      { after, limit }: { after: Pick<QueuedDeployment, 'id' | 'priority' | 'run_at'> | undefined; limit: number },
    ): Promise<QueuedDeployment[]> {
      const isBehind =
        after === undefined
          ? sql`true`
          : sql`(jobs.priority, jobs.run_at, jobs.id) > (${after.priority}::smallint, ${after.run_at}::timestamptz, ${after.id}::text)`
      const { rows } = await sql<QueuedRow>`
        select jobs.id, jobs.priority, jobs.run_at, targets.id as target_id,
          served.not_after, served.revoked_at, served.revocation_reason
        from jobs
          join placements on placements.id = jobs.placement_id
          join targets on targets.id = placements.target_id
          join certificates on certificates.id = placements.certificate_id
          join versions as desired on desired.id = placements.desired_version_id
          join holders on holders.id = desired.holder_id
          left join versions as served
            on served.fingerprint = coalesce(placements.served_fingerprint, placements.deployed_fingerprint)
        where jobs.kind = 'deploy' and jobs.state = 'ready' and jobs.run_at < ${until} and ${isBehind}
          and placements.removed_at is null and placements.frozen_at is null and targets.retired_at is null and targets.enabled
          and certificates.archived_at is null and desired.revoked_at is null and holders.agent_id = targets.agent_id
        order by jobs.priority, jobs.run_at, jobs.id limit ${limit}`.execute(db)
      return rows.map(({ not_after, revoked_at, revocation_reason, ...row }) => ({
        ...row,
        served: not_after === null ? null : { not_after, revoked_at, revocation_reason },
      }))
    },
  }
}
