import { type Insertable, type Kysely, type Selectable, sql, type Updateable } from 'kysely'
import { rowsByAsked, rowsByKey } from './by-key.js'
import { type Page, type PageRequest, readPage } from './page.js'
import type { AgentsTable, Schema } from './schema.js'

const columns = [
  'id',
  'name',
  'hostname',
  'os',
  'architecture',
  'ip_address',
  'version',
  'key_used_at',
  'boot_id',
  'previous_boot_id',
  'boot_changed_at',
  'boot_returns',
  'cloned_at',
  'last_heartbeat_at',
  'registered_at',
  'retired_at',
  'retired_reason',
] as const

/** An agent without the hash of its key. */
export type AgentRow = Omit<Selectable<AgentsTable>, 'key_hash'>

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('agents').select(columns).where(isIt))
const byHash = rowsByAsked<AgentRow>(
  (keys) => sql`
    select asked.key, ${sql.join(columns.map((column) => sql.ref(column)))}
    from unnest(${keys}) as asked (key) join agents on agents.key_hash = decode(asked.key, 'hex')`,
)

/** What an agent says of itself with a heartbeat. */
export interface AgentBeat {
  id: string
  at: Date
  hostname?: string | undefined
  os?: string | undefined
  architecture?: string | undefined
  ip_address?: string | undefined
  version?: string | undefined
}

/** What still hangs on an agent, in the old server's words. */
export interface AgentDependencies {
  active_targets: number
  active_certificates: number
  pending_jobs: number
}

export function agentsTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<AgentsTable>): Promise<void> {
      await db.insertInto('agents').values(row).execute()
    },

    async get(id: string): Promise<AgentRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends. */
    async lock(id: string): Promise<AgentRow | undefined> {
      return await db.selectFrom('agents').select(columns).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
    },

    /** Locks it against retirement, not against heartbeats of others that only share it. */
    async share(id: string): Promise<AgentRow | undefined> {
      return await db.selectFrom('agents').select(columns).where('id', '=', id).forShare().executeTakeFirst()
    },

    /** Retired ones too: their agents are told so. */
    async findByKeyHash(hash: Buffer): Promise<AgentRow | undefined> {
      return (await byHash(db, hash.toString('hex')))[0]
    },

    /** Not retired, under this name without regard to case. */
    async findLiveByName(name: string): Promise<AgentRow | undefined> {
      return await db
        .selectFrom('agents')
        .select(columns)
        .where((where) => where(where.fn('lower', ['name']), '=', name.toLowerCase()))
        .where('retired_at', 'is', null)
        .executeTakeFirst()
    },

    /** Retired or living ones; `since` narrows to those heard of after (online) or not after (offline) that moment. */
    async page(
      filter: {
        retired: boolean
        name?: string | undefined
        heard?: { online: boolean; since: Date } | undefined
        cloned?: boolean | undefined
      },
      request: PageRequest,
    ): Promise<Page<AgentRow>> {
      const { retired, name, heard, cloned } = filter
      const all = db
        .selectFrom('agents')
        .select(columns)
        .where('retired_at', retired ? 'is not' : 'is', null)
        .$if(cloned !== undefined, (narrowed) => narrowed.where('cloned_at', cloned === true ? 'is not' : 'is', null))
        .$if(name !== undefined, (narrowed) =>
          narrowed.where((where) => where(where.fn('lower', ['name']), '=', (name ?? '').toLowerCase())),
        )
      const narrowed =
        heard === undefined
          ? all
          : heard.online
            ? all.where('last_heartbeat_at', '>', heard.since)
            : all.where((where) =>
                where.or([where('last_heartbeat_at', 'is', null), where('last_heartbeat_at', '<=', heard.since)]),
              )
      const order = {
        columns: ['registered_at', 'id'] as const,
        startOf: (row: AgentRow) => ({ value: row.registered_at.toISOString(), id: row.id }),
      }
      return await readPage(narrowed, order, request)
    },

    async update(id: string, changes: Updateable<AgentsTable>): Promise<void> {
      await db.updateTable('agents').set(changes).where('id', '=', id).execute()
    },

    /** Returns whether this was the first time. */
    async markKeyUsed(id: string, at: Date): Promise<boolean> {
      const outcome = await db
        .updateTable('agents')
        .set({ key_used_at: at })
        .where('id', '=', id)
        .where('key_used_at', 'is', null)
        .executeTakeFirst()
      return outcome.numUpdatedRows > 0n
    },

    /** Many heartbeats in one statement; what an agent did not say stays, and time never goes back. */
    async recordBeats(beats: readonly AgentBeat[]): Promise<void> {
      if (beats.length === 0) return
      await sql`
        update agents set
          last_heartbeat_at = greatest(agents.last_heartbeat_at, beat.at),
          hostname = coalesce(beat.hostname, agents.hostname),
          os = coalesce(beat.os, agents.os),
          architecture = coalesce(beat.architecture, agents.architecture),
          ip_address = coalesce(beat.ip_address, agents.ip_address),
          version = coalesce(beat.version, agents.version)
        from jsonb_to_recordset(${JSON.stringify(beats)}::jsonb)
          as beat (id text, at timestamptz, hostname text, os text, architecture text, ip_address text, version text)
        where agents.id = beat.id and agents.retired_at is null`.execute(db)
    },

    async countDependencies(id: string): Promise<AgentDependencies> {
      const { rows } = await sql<AgentDependencies>`
        select
          (select count(*)::int from targets where agent_id = ${id} and retired_at is null) as active_targets,
          (select count(*)::int from holders join certificates on certificates.id = holders.certificate_id
            where agent_id = ${id} and closed_at is null and archived_at is null) as active_certificates,
          (select count(*)::int from jobs where agent_id = ${id} and state not in ('done', 'cancelled')) as pending_jobs`.execute(
        db,
      )
      return rows[0] ?? { active_targets: 0, active_certificates: 0, pending_jobs: 0 }
    },

    /** All that are not retired, by the bytes of their ids. */
    async listLive(): Promise<AgentRow[]> {
      return await db
        .selectFrom('agents')
        .select(columns)
        .where('retired_at', 'is', null)
        .orderBy(sql`id collate "C"`)
        .execute()
    },

    /** Not retired, heard of once and not after `since`. `after` is an id. */
    async listSilent(since: Date, { after, limit }: { after: string; limit: number }): Promise<AgentRow[]> {
      return await db
        .selectFrom('agents')
        .select(columns)
        .where('id', '>', after)
        .where('retired_at', 'is', null)
        .where('last_heartbeat_at', '<=', since)
        .orderBy('id')
        .limit(limit)
        .execute()
    },

    /** For Prometheus. */
    async countLive(since: Date): Promise<{ total: number; online: number }> {
      return await db
        .selectFrom('agents')
        .select(({ fn }) => [
          fn.countAll<string>().as('total'),
          fn.countAll<string>().filterWhere('last_heartbeat_at', '>', since).as('online'),
        ])
        .where('retired_at', 'is', null)
        .executeTakeFirstOrThrow()
        .then((row) => ({ total: Number(row.total), online: Number(row.online) }))
    },
  }
}
