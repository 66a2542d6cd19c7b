import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { lockByKey, rowsByKey } from './by-key.js'
import { updateById } from './row-writes.js'
import type { PlacementTable, Schema } from './schema.js'

const columns = [
  'placements.id',
  'placements.certificate_id',
  'placements.target_id',
  'placements.state',
  'placements.desired_version_id',
  'placements.desired_at',
  'placements.deployed_fingerprint',
  'placements.deployed_at',
  'placements.served_fingerprint',
  'placements.served_at',
  'placements.observed_at',
  'placements.cause_code',
  'placements.cause_message',
  'placements.failures',
  'placements.next_attempt_at',
  'placements.verify_at',
  'placements.blocked_code',
  'placements.blocked_generation',
  'placements.frozen_at',
  'placements.created_at',
  'placements.updated_at',
  'placements.removed_at',
  'placements.window_at',
] as const

export type PlacementRow = Selectable<PlacementTable>

/** A placement with what people call its ends, and what is desired there. */
export interface PlacementView extends PlacementRow {
  certificate_name: string
  target_name: string
  target_type: string
  agent_id: string
  agent_name: string
  agent_heard_at: Date | null
  desired_fingerprint: string | null
  not_after: Date | null
}

const viewsOn = (db: Kysely<Schema>) =>
  db
    .selectFrom('placements')
    .innerJoin('certificates', 'certificates.id', 'placements.certificate_id')
    .innerJoin('targets', 'targets.id', 'placements.target_id')
    .innerJoin('agents', 'agents.id', 'targets.agent_id')
    .leftJoin('versions', 'versions.id', 'placements.desired_version_id')
    .select([
      ...columns,
      'certificates.name as certificate_name',
      'targets.name as target_name',
      'targets.type as target_type',
      'targets.agent_id',
      'agents.name as agent_name',
      'agents.last_heartbeat_at as agent_heard_at',
      'versions.fingerprint as desired_fingerprint',
      'versions.not_after',
    ])
    .where('placements.removed_at', 'is', null)

const ofCertificate = rowsByKey('placements.certificate_id', (build, isOfCertificate) =>
  viewsOn(build).where(isOfCertificate).orderBy('placements.created_at').orderBy('placements.id'),
)
const locked = lockByKey('placements.id', (build, isIt) =>
  build.selectFrom('placements').select(columns).where(isIt).forNoKeyUpdate(),
)
const update = updateById('placements')

export function placementsTable(db: Kysely<Schema>) {
  const views = () => viewsOn(db)

  return {
    async insert(row: Insertable<PlacementTable>): Promise<void> {
      await db.insertInto('placements').values(row).execute()
    },

    /** Removed ones too. */
    async get(id: string): Promise<PlacementRow | undefined> {
      return await db.selectFrom('placements').select(columns).where('id', '=', id).executeTakeFirst()
    },

    /** Locks the row until the transaction ends; its target is locked before. */
    async lock(id: string): Promise<PlacementRow | undefined> {
      return (await locked(db, id))[0]
    },

    async findPair(certificateId: string, targetId: string): Promise<PlacementRow | undefined> {
      return await db
        .selectFrom('placements')
        .select(columns)
        .where('certificate_id', '=', certificateId)
        .where('target_id', '=', targetId)
        .where('removed_at', 'is', null)
        .executeTakeFirst()
    },

    async listOfCertificate(certificateId: string): Promise<PlacementView[]> {
      return await ofCertificate(db, certificateId)
    },

    async listOfTarget(targetId: string): Promise<PlacementRow[]> {
      return await db
        .selectFrom('placements')
        .select(columns)
        .where('target_id', '=', targetId)
        .where('removed_at', 'is', null)
        .orderBy('id')
        .execute()
    },

    async getView(id: string): Promise<PlacementView | undefined> {
      return await views().where('placements.id', '=', id).executeTakeFirst()
    },

    async update(id: string, changes: Updateable<PlacementTable>): Promise<void> {
      await update(db, id, changes)
    },

    /** Certificates with a placement whose next attempt is due and for which no job is open. */
    async listCertificatesToDeploy(now: Date, { after, limit }: { after: string; limit: number }): Promise<string[]> {
      const { rows } = await sql<{ certificate_id: string }>`
        select distinct placements.certificate_id
        from placements
          join targets on targets.id = placements.target_id
          join certificates on certificates.id = placements.certificate_id
        where placements.certificate_id > ${after} and placements.removed_at is null and placements.state not in ('served', 'unverifiable')
          and placements.next_attempt_at <= ${now} and placements.frozen_at is null
          and (placements.blocked_code is null or placements.blocked_generation < targets.generation)
          and targets.retired_at is null and targets.enabled and certificates.archived_at is null
          and not exists (select 1 from jobs where jobs.placement_id = placements.id and jobs.kind = 'deploy'
            and jobs.state not in ('done', 'cancelled'))
        order by placements.certificate_id limit ${limit}`.execute(db)
      return rows.map((row) => row.certificate_id)
    },

    /** Whose turn it is to be looked at, on agents that know how. */
    async listToVerify(now: Date, limit: number): Promise<(PlacementRow & { agent_id: string; generation: number })[]> {
      return await db
        .selectFrom('placements')
        .innerJoin('targets', 'targets.id', 'placements.target_id')
        .select([...columns, 'targets.agent_id', 'targets.generation'])
        .where('placements.removed_at', 'is', null)
        .where('placements.verify_at', '<=', now)
        .where('placements.frozen_at', 'is', null)
        .where('targets.retired_at', 'is', null)
        .where('targets.enabled', '=', true)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('connector_types')
              .select('connector_types.agent_id')
              .whereRef('connector_types.agent_id', '=', 'targets.agent_id'),
          ),
        )
        .orderBy('placements.verify_at')
        .orderBy('placements.id')
        .limit(limit)
        .execute()
    },

    async countByState(): Promise<{ state: PlacementRow['state']; count: number }[]> {
      const rows = await db
        .selectFrom('placements')
        .innerJoin('certificates', 'certificates.id', 'placements.certificate_id')
        .select(({ fn }) => ['placements.state', fn.countAll<string>().as('count')])
        .where('placements.removed_at', 'is', null)
        .where('certificates.archived_at', 'is', null)
        .groupBy('placements.state')
        .execute()
      return rows.map(({ state, count }) => ({ state, count: Number(count) }))
    },

    /** How many go to the targets of this agent, how many of them are not as they should be, and one of those targets. */
    async countOfAgent(agentId: string): Promise<{ all: number; waiting: number; target_id: string | null }> {
      const { rows } = await sql<{ all: number; waiting: number; target_id: string | null }>`
        select count(*)::int as all, count(*) filter (where placements.state not in ('served', 'unverifiable'))::int as waiting,
          min(targets.id) as target_id
        from placements
          join targets on targets.id = placements.target_id
          join certificates on certificates.id = placements.certificate_id
        where targets.agent_id = ${agentId} and targets.retired_at is null and placements.removed_at is null
          and certificates.archived_at is null`.execute(db)
      return rows[0] ?? { all: 0, waiting: 0, target_id: null }
    },

    /** Drifted and failed ones, those whose certificate ends first in front. */
    async listFailing(limit: number): Promise<PlacementView[]> {
      return await views()
        .where('placements.state', 'in', ['drifted', 'failed'])
        .where('certificates.archived_at', 'is', null)
        .orderBy('versions.not_after', (order) => order.asc().nullsLast())
        .orderBy('placements.failures', 'desc')
        .orderBy('placements.id')
        .limit(limit)
        .execute()
    },
  }
}
