import { type Kysely, sql } from 'kysely'
import { isLeftAlone } from './left-alone.js'
import type { Schema } from './schema.js'

/** A version that nothing replaces by itself any more, and the nearest of its thresholds that it has passed. */
export interface PassedThreshold {
  version_id: string
  certificate_id: string
  holder_id: string
  threshold_days: number
}

export function expiryAlertsTable(db: Kysely<Schema>) {
  return {
    /** Returns whether it was not told before. */
    async insert(row: { version_id: string; threshold_days: number; told_at: Date }): Promise<boolean> {
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('expiry_alerts')
        .values(row)
        .onConflict((conflict) => conflict.columns(['version_id', 'threshold_days']).doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    /** What was told of this version is told again when it holds again. */
    async forget(versionId: string): Promise<void> {
      await db.deleteFrom('expiry_alerts').where('version_id', '=', versionId).execute()
    },

    /**
     * Of versions that somebody wants and that are not renewed by themselves: those that have passed a threshold that was not told, nor a
     * nearer one. A threshold as long as the life itself is none. `after` is an id.
     */
    async listPassed(
      { now, defaultPolicyId, usualDays }: { now: Date; defaultPolicyId: string; usualDays: readonly number[] },
      { after, limit }: { after: string; limit: number },
    ): Promise<PassedThreshold[]> {
      const { rows } = await sql<PassedThreshold>`
        select versions.id as version_id, versions.certificate_id, holders.id as holder_id, passed.days as threshold_days
        from holders
          join versions on versions.id = holders.current_version_id
          join certificates on certificates.id = holders.certificate_id
          left join renewal_policies on renewal_policies.id = coalesce(certificates.renewal_policy_id, ${defaultPolicyId})
          cross join lateral (
            select min(threshold.days::int) as days
            from jsonb_array_elements_text(
              coalesce(renewal_policies.alert_thresholds_days, ${JSON.stringify(usualDays)}::jsonb)) as threshold (days)
            where versions.not_after - make_interval(days => threshold.days::int) <= ${now}
              and make_interval(days => threshold.days::int) < versions.not_after - versions.received_at
          ) as passed
        where versions.id > ${after} and passed.days is not null
          and holders.closed_at is null and certificates.archived_at is null and versions.revoked_at is null
          and ${isLeftAlone(now)}
          and (holders.kind <> 'agent' or exists (
            select 1 from placements join targets on targets.id = placements.target_id
            where placements.certificate_id = versions.certificate_id and placements.removed_at is null
              and targets.agent_id = holders.agent_id))
          and not exists (
            select 1 from expiry_alerts where expiry_alerts.version_id = versions.id
              and expiry_alerts.threshold_days <= passed.days)
        order by versions.id limit ${limit}`.execute(db)
      return rows
    },
  }
}
