import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Schema } from '../../src/store/schema.js'

/** Numbers from 0 to 1 that a seed determines. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const names = [
  { type: 'dns', value: 'www.example.com' },
  { type: 'dns', value: '*.a.example.net' },
  { type: 'ip', value: '192.0.2.1' },
  { type: 'ip', value: '2001:db8::1' },
  { type: 'email', value: 'who@example.org' },
  { type: 'uri', value: 'spiffe://corp.test/web' },
]
const day = 86_400_000

export interface RandomInventory {
  readonly ids: readonly string[]
  /** Does something to some certificate in a transaction of its own, as lifecycle code would. */
  change(): Promise<void>
}

/** Rows as any version of the server may write them: straight into the tables, with nothing of our own code. */
export async function createRandomInventory(
  db: Kysely<Schema>,
  { seed, count, now }: { seed: number; count: number; now: Date },
): Promise<RandomInventory> {
  const random = createRandom(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const around = (days: number) => new Date(now.getTime() + Math.round((random() * 2 - 1) * days * day))
  await sql`insert into connections (id, kind, type, name, config, source, created_at, updated_at)
    select 'iss-' || i, 'issuer', 'X', 'iss-' || i, '{}', 'api', ${now}, ${now} from generate_series(1, 3) i`.execute(
    db,
  )
  await sql`insert into agents (id, name, key_hash, registered_at) values ('ag-1', 'ag-1', 'k', ${now}), ('ag-2', 'ag-2', 'l', ${now})`.execute(
    db,
  )
  await sql`insert into targets (id, name, type, agent_id, created_at, updated_at)
    select 'tg-' || i, 'tg-' || i, 'X', 'ag-1', ${now}, ${now} from generate_series(1, 4) i`.execute(db)
  const ids = Array.from({ length: count }, (_, index) => `c-${String(index).padStart(4, '0')}`)
  let versions = 0

  const add = async (id: string): Promise<void> => {
    const own = names.filter(() => random() < 0.4)
    const tags = { ...(random() < 0.5 ? { tier: 'gold' } : {}), ...(random() < 0.3 ? { 'a"b': 'x\\y: "z"' } : {}) }
    await db.transaction().execute(async (tx) => {
      await sql`insert into certificates (id, name, common_name, names, issuer_id, environment, owner_id, team_id, certificate_profile_id,
        tags, source, created_at, updated_at) values (${id}, ${`Name "${id}" ü`}, ${random() < 0.8 ? `${id}.example.com` : null},
        ${JSON.stringify(own)}, ${`iss-${1 + below(3)}`}, ${['prod', 'test', ''][below(3)]}, ${random() < 0.5 ? `o-${below(3)}` : null},
        ${random() < 0.5 ? `t-${below(3)}` : null}, ${random() < 0.3 ? 'prof' : null}, ${JSON.stringify(tags)}, 'api', ${around(400)}, ${around(10)})`.execute(
        tx,
      )
      for (const { type, value } of own)
        await sql`insert into certificate_names (certificate_id, type, value, reversed) values (${id}, ${type}, ${`${value}`}, ${[...value].toReversed().join('')})`.execute(
          tx,
        )
      await sql`insert into holders (id, certificate_id, kind, agent_id, created_at) values (${`h-${id}-1`}, ${id}, 'agent', 'ag-1', ${now})`.execute(
        tx,
      )
      if (random() < 0.3)
        await sql`insert into holders (id, certificate_id, kind, agent_id, created_at) values (${`h-${id}-2`}, ${id}, 'agent', 'ag-2', ${now})`.execute(
          tx,
        )
    })
  }

  const issue = async (id: string, holder: string): Promise<void> => {
    versions++
    const key = createHash('sha256').update(`${seed} ${versions}`).digest('hex')
    const receivedAt = around(60)
    const notAfter = new Date(receivedAt.getTime() + Math.round(random() * 100 * day))
    await db.transaction().execute(async (tx) => {
      await sql`insert into orders (id, holder_id, certificate_id, issuer_id, state, generation, csr_pem, spki_sha256, deadline, created_at)
        values (${`ord-${versions}`}, ${holder}, ${id}, 'iss-1', 'valid', 1, '', ${key}, ${now}, ${now})`.execute(tx)
      await sql`insert into versions (id, certificate_id, holder_id, order_id, issuer_id, standing, generation, serial_number, fingerprint,
        spki_sha256, key_algorithm, key_size, issuer_name, not_before, not_after, received_at) values (${`ver-${versions}`}, ${id}, ${holder},
        ${`ord-${versions}`}, 'iss-1', 'current', 1, ${`${versions}`}, ${key}, ${key}, 'EC', 256, 'CN=X', ${receivedAt}, ${notAfter}, ${receivedAt})`.execute(
        tx,
      )
      await sql`update holders set current_version_id = ${`ver-${versions}`}, renew_at = ${around(30)}, failures = 0 where id = ${holder}`.execute(
        tx,
      )
    })
  }

  const acts: readonly ((id: string) => Promise<unknown>)[] = [
    async (id) => await issue(id, `h-${id}-1`),
    async (id) => await issue(id, `h-${id}-1`),
    async (id) =>
      await sql`update versions set revoked_at = ${around(5)}, revocation_reason = 'superseded' where certificate_id = ${id}`.execute(
        db,
      ),
    async (id) => await sql`update holders set failures = failures + 1 where id = ${`h-${id}-1`}`.execute(db),
    async (id) => await sql`update holders set closed_at = ${now} where id = ${`h-${id}-2`}`.execute(db),
    async (id) => await sql`update certificates set archived_at = ${now} where id = ${id}`.execute(db),
    async (id) =>
      await sql`update certificates set team_id = ${`t-${below(3)}`}, tags = '{"tier":"tin","n":"1"}', updated_at = ${around(3)} where id = ${id}`.execute(
        db,
      ),
    async (id) =>
      await sql`insert into placements (id, certificate_id, target_id, state, deployed_at, created_at, updated_at)
      values (${`p-${id}-${below(1e9)}`}, ${id}, ${`tg-${1 + below(4)}`}, 'pending', null, ${around(9)}, ${now}) on conflict do nothing`.execute(
        db,
      ),
    async (id) =>
      await sql`update placements set deployed_at = ${around(2)}, state = 'deployed' where certificate_id = ${id}`.execute(
        db,
      ),
    async (id) =>
      await sql`update placements set removed_at = ${now} where certificate_id = ${id} and target_id = 'tg-1'`.execute(
        db,
      ),
    async (id) =>
      await sql`insert into jobs (id, kind, state, certificate_id, holder_id, run_at, requested_by, created_at)
      values (${`job-${below(1e9)}`}, 'issue', 'ready', ${id}, ${`h-${id}-1`}, ${now}, 'System', ${now}) on conflict do nothing`.execute(
        db,
      ),
    async (id) =>
      await sql`update jobs set state = 'done', outcome = 'done', completed_at = ${around(3)} where certificate_id = ${id} and state = 'ready'`.execute(
        db,
      ),
  ]

  for (const id of ids) await add(id)
  return {
    ids,
    async change() {
      const id = ids[below(ids.length)] ?? ''
      await acts[below(acts.length)]?.(id)
    },
  }
}
