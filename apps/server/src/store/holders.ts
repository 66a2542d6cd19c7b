import { type Insertable, type Kysely, type RawBuilder, type Selectable, sql, type Updateable } from 'kysely'
import { lockByKey, part, partsKey, rowsByAsked, rowsByKey } from './by-key.js'
import { unseenText, unseenTexts, unseenTime } from './kept-plans.js'
import { readPlace } from './page.js'
import { updateById } from './row-writes.js'
import type { HolderTable, Schema } from './schema.js'

const columns = [
  'id',
  'certificate_id',
  'kind',
  'agent_id',
  'csr_pem',
  'current_version_id',
  'renew_at',
  'renewal_requested_at',
  'failures',
  'next_attempt_at',
  'last_error_code',
  'last_error',
  'blocked_code',
  'blocked_generation',
  'created_at',
  'closed_at',
  'renewal_window_start',
  'renewal_window_end',
  'renewal_info_url',
  'renewal_info_at',
  'renew_at_reason',
  'renewal_requested_by_person',
  'renewal_draw',
] as const

export type HolderRow = Selectable<HolderTable>

const byId = rowsByKey('id', (build, isIt) => build.selectFrom('holders').select(columns).where(isIt))
const locked = lockByKey('id', (build, isIt) =>
  build.selectFrom('holders').select(columns).where(isIt).forNoKeyUpdate(),
)
const openOfCertificate = rowsByKey('certificate_id', (build, isOfCertificate) =>
  build
    .selectFrom('holders')
    .select(columns)
    .where(isOfCertificate)
    .where('closed_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id'),
)
const ofAgent = rowsByAsked<HolderRow>(
  (keys) => sql`
    select asked.key, ${sql.join(columns.map((column) => sql.ref(column)))}
    from unnest(${keys}) as asked (key) join holders on holders.certificate_id = ${part(0)}
      and holders.agent_id = ${part(1)} and holders.kind = 'agent' and holders.closed_at is null`,
)
const update = updateById('holders')

// Behind one issuer that does not answer, with a million certificates, others are looked for in parts.
const looked = 5000

function unseenPlace(place: string): RawBuilder<unknown> {
  const { time, id } = readPlace(place)
  return sql`(${unseenTime(time)}, ${unseenText(id)})`
}

export function holdersTable(db: Kysely<Schema>) {
  return {
    async insert(row: Insertable<HolderTable>): Promise<void> {
      await db.insertInto('holders').values(row).execute()
    },

    /** Closed ones too. */
    async get(id: string): Promise<HolderRow | undefined> {
      return (await byId(db, id))[0]
    },

    /** Locks the row until the transaction ends; the certificate is locked before. */
    async lock(id: string): Promise<HolderRow | undefined> {
      return (await locked(db, id))[0]
    },

    /** Open ones, oldest first. */
    async listOfCertificate(certificateId: string): Promise<HolderRow[]> {
      return await openOfCertificate(db, certificateId)
    },

    async findOfAgent(certificateId: string, agentId: string): Promise<HolderRow | undefined> {
      return (await ofAgent(db, partsKey(certificateId, agentId)))[0]
    },

    async listOfAgent(agentId: string): Promise<HolderRow[]> {
      return await db
        .selectFrom('holders')
        .select(columns)
        .where('agent_id', '=', agentId)
        .where('closed_at', 'is', null)
        .orderBy('certificate_id')
        .execute()
    },

    /** Agents that hold a certificate of this issuer with this very name, each with one of those. */
    async listAgentsOfName(issuerId: string, name: string): Promise<{ agent_id: string; certificate_id: string }[]> {
      const { rows } = await sql<{ agent_id: string; certificate_id: string }>`
        select holders.agent_id, min(holders.certificate_id) as certificate_id
        from certificate_names join certificates on certificates.id = certificate_names.certificate_id
          join holders on holders.certificate_id = certificates.id join agents on agents.id = holders.agent_id
        where certificate_names.value = ${name} and certificate_names.type in ('dns', 'ip')
          and certificates.issuer_id = ${issuerId} and certificates.archived_at is null
          and holders.kind = 'agent' and holders.closed_at is null and agents.retired_at is null
        group by holders.agent_id order by holders.agent_id`.execute(db)
      return rows
    },

    async update(id: string, changes: Updateable<HolderTable>): Promise<void> {
      await update(db, id, changes)
    },

    /** Only while this is still what it serves: a newer version has times of its own. */
    async updateWhileCurrent(
      { id, current_version_id }: Pick<HolderRow, 'id' | 'current_version_id'>,
      changes: Updateable<HolderTable>,
    ): Promise<void> {
      await db
        .updateTable('holders')
        .set(changes)
        .where('id', '=', id)
        .where(sql<boolean>`current_version_id is not distinct from ${current_version_id}`)
        .execute()
    },

    /**
     * Takes one whose CA is to be asked when it wants the renewal, and puts its next look off until then; what another copy takes is passed
     * over, and so are the issuers in `except`. Only what stands between these places, where they are given.
     */
    async takeForRenewalInfo({
      now,
      until,
      except,
      after = '',
      upTo = '',
    }: {
      now: Date
      until: Date
      except: readonly string[]
      after?: string
      upTo?: string
    }): Promise<(HolderRow & { issuer_id: string | null }) | undefined> {
      const issuer = sql<string | null>`(select issuer_id from versions where versions.id = holders.current_version_id)`
      const due = db
        .selectFrom('holders')
        .select('id')
        .where('closed_at', 'is', null)
        .where('renewal_info_at', '<=', now)
        .$if(except.length > 0, (each) =>
          each.where(sql<boolean>`coalesce(${issuer}, '') <> all(${unseenTexts(except)})`),
        )
        .$if(after !== '', (each) => each.where(sql<boolean>`(renewal_info_at, id) > ${unseenPlace(after)}`))
        .$if(upTo !== '', (each) => each.where(sql<boolean>`(renewal_info_at, id) <= ${unseenPlace(upTo)}`))
        .orderBy('renewal_info_at')
        .orderBy('id')
        .limit(1)
        .forNoKeyUpdate()
        .skipLocked()
      return await db
        .updateTable('holders')
        .set({ renewal_info_at: until })
        .where('id', '=', due)
        .returning([...columns, issuer.as('issuer_id')])
        .executeTakeFirst()
    },

    /** Up to which place after this one a look past what is due at some issuers goes; none: to the end. */
    async endOfRenewalInfo({ now, after }: { now: Date; after: string }): Promise<string> {
      const { rows } = await sql<{ place: string }>`
        select replace(renewal_info_at::text, ' ', 'T') || ' ' || id as place from holders
        where closed_at is null and renewal_info_at <= ${unseenTime(now)} and (renewal_info_at, id) > ${unseenPlace(after)}
        order by renewal_info_at, id offset ${sql.lit(looked - 1)} limit 1`.execute(db)
      return rows[0]?.place ?? ''
    },

    /**
     * Holders that need a new version and have no open job for it, those without a time first, then by theirs; what was refused for good
     * waits for its generation to change, or, where something is served, for its next attempt. `after` is the `place` of an earlier one.
     */
    async listToIssue(now: Date, { after, limit }: { after: string; limit: number }): Promise<HolderToIssue[]> {
      const { time, id } = readPlace(after)
      // Both at once: of the second, which is nearly always the whole answer, nobody need know that the first is empty.
      const [untimed, due] = await Promise.all([
        time === '-infinity' ? listUntimed(db, { now, afterId: id, limit }) : [],
        listDue(db, { now, after: { time, id }, limit }),
      ])
      return [...untimed, ...due].slice(0, limit)
    },

    /** What a policy denied is tried again now; of one profile, of one certificate, or of all. */
    async liftDenials(now: Date, of: { profileId?: string; certificateId?: string } = {}): Promise<void> {
      const ofProfile =
        of.profileId === undefined ? sql`` : sql`and certificates.certificate_profile_id = ${of.profileId}`
      const ofOne = of.certificateId === undefined ? sql`` : sql`and certificates.id = ${of.certificateId}`
      await sql`
        update holders set blocked_code = null, blocked_generation = null, next_attempt_at = ${now}
        where id in (
          select holders.id from holders join certificates on certificates.id = holders.certificate_id
          where holders.blocked_code = 'policy_denied' and holders.closed_at is null
            and certificates.archived_at is null ${ofProfile} ${ofOne}
          order by holders.certificate_id, holders.created_at, holders.id for no key update of holders)`.execute(db)
    },

    /** How many have reached their time, how many an hour ago or more, and when the next one will. */
    async countRenewals(now: Date): Promise<{ due: number; overdue: number; next_at: Date | null }> {
      const hourAgo = new Date(now.getTime() - 3_600_000)
      const { rows } = await sql<{ due: number; overdue: number; next_at: Date | null }>`
        select count(*) filter (where renew_at <= ${now})::int as due,
          count(*) filter (where renew_at <= ${hourAgo})::int as overdue,
          min(renew_at) filter (where renew_at > ${now}) as next_at
        from holders join certificates on certificates.id = holders.certificate_id
        where holders.closed_at is null and renew_at is not null and certificates.archived_at is null`.execute(db)
      return rows[0] ?? { due: 0, overdue: 0, next_at: null }
    },
  }
}

export interface HolderToIssue {
  id: string
  certificate_id: string
  place: string
}

/** Never issued, or wanted anew: by their ids, which an index of each has. */
async function listUntimed(
  db: Kysely<Schema>,
  { now, afterId, limit }: { now: Date; afterId: string; limit: number },
): Promise<HolderToIssue[]> {
  const those = (condition: RawBuilder<unknown>) => sql`
    (select holders.id, holders.certificate_id
    from holders join certificates on certificates.id = holders.certificate_id
    where holders.closed_at is null and ${condition} and holders.id > ${unseenText(afterId)} and ${mayBeIssued(now)}
    order by holders.id limit ${sql.lit(limit)})`
  const { rows } = await sql<HolderToIssue>`
    select id, certificate_id, '-infinity ' || id as place from (
      ${those(sql`holders.current_version_id is null`)} union ${those(sql`holders.renewal_requested_at is not null`)}
    ) as untimed order by id limit ${sql.lit(limit)}`.execute(db)
  return rows
}

async function listDue(
  db: Kysely<Schema>,
  { now, after: { time, id }, limit }: { now: Date; after: { time: string; id: string }; limit: number },
): Promise<HolderToIssue[]> {
  const { rows } = await sql<HolderToIssue>`
    select holders.id, holders.certificate_id, replace(holders.renew_at::text, ' ', 'T') || ' ' || holders.id as place
    from holders join certificates on certificates.id = holders.certificate_id
    where holders.closed_at is null and holders.renew_at <= ${unseenTime(now)}
      and (holders.renew_at, holders.id) > (${unseenTime(time)}, ${unseenText(id)}) and ${mayBeIssued(now)}
    order by holders.renew_at, holders.id limit ${sql.lit(limit)}`.execute(db)
  return rows
}

/** One row is looked up for each holder that is read: of `exists` under an `or` PostgreSQL makes a table of all placements first. */
const hasPlace = sql`coalesce((
  select true from placements join targets on targets.id = placements.target_id
  where placements.certificate_id = holders.certificate_id and placements.removed_at is null
    and targets.agent_id = holders.agent_id and targets.retired_at is null and targets.enabled limit 1), false)`

function mayBeIssued(now: Date): RawBuilder<unknown> {
  return sql`certificates.archived_at is null
    and (holders.next_attempt_at is null or holders.next_attempt_at <= ${unseenTime(now)}
      or (holders.blocked_code is not null and holders.blocked_generation < certificates.generation))
    and (holders.blocked_code is null or holders.blocked_generation < certificates.generation
      or (holders.current_version_id is not null and holders.next_attempt_at <= ${unseenTime(now)}))
    and (holders.kind = 'outside' or ${hasPlace})
    and not exists (
      select 1 from jobs where jobs.holder_id = holders.id and jobs.kind = 'issue' and jobs.placement_id is null
        and jobs.state not in ('done', 'cancelled'))`
}
