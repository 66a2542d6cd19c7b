import pg from 'pg'
import type { TestServices } from '../postgres.js'

/**
 * Many certificates of one agent and one target, each issued once, in few statements: what their rows say matters here, not how they
 * came to be. The first `matching` of them belong to `own-a`, the others to `own-b`.
 */
export async function addFleet(
  services: TestServices,
  { matching, others, agentId, targetId, issuerId }: Fleet,
): Promise<void> {
  const client = new pg.Client({ connectionString: services.database.url })
  await client.connect()
  const now = services.clock.now()
  const end = new Date(now.getTime() + 60 * 86_400_000)
  const all = 'generate_series(1, $1::int) as n'
  const id = (prefix: string) => `'${prefix}-' || lpad(n::text, 6, '0')`
  const tables = ['certificates', 'holders', 'versions', 'placements']
  try {
    // What is kept beside these rows is made at the end, for all of them together.
    for (const table of tables) await client.query(`alter table ${table} disable trigger user`)
    await client.query(
      `insert into certificates (id, name, common_name, names, issuer_id, owner_id, created_at, updated_at)
       select ${id('cert')}, 'n' || n || '.example.test', 'n' || n || '.example.test',
         jsonb_build_array(jsonb_build_object('type', 'dns', 'value', 'n' || n || '.example.test')), $2,
         case when n <= $3 then 'own-a' else 'own-b' end, $4, $4 from ${all}`,
      [matching + others, issuerId, matching, now],
    )
    await client.query(
      `insert into holders (id, certificate_id, kind, agent_id, current_version_id, renew_at, created_at)
       select ${id('hold')}, ${id('cert')}, 'agent', $2, ${id('ver')}, $3, $4 from ${all}`,
      [matching + others, agentId, end, now],
    )
    await client.query(
      `insert into orders (id, holder_id, certificate_id, issuer_id, state, generation, csr_pem, spki_sha256, deadline, created_at, closed_at)
       select ${id('ord')}, ${id('hold')}, ${id('cert')}, $2, 'valid', 1, '', encode(sha256(n::text::bytea), 'hex'), $3, $4, $4 from ${all}`,
      [matching + others, issuerId, end, now],
    )
    await client.query(
      `insert into versions (id, certificate_id, holder_id, order_id, issuer_id, standing, generation, serial_number, fingerprint,
         spki_sha256, key_algorithm, key_size, issuer_name, not_before, not_after, received_at)
       select ${id('ver')}, ${id('cert')}, ${id('hold')}, ${id('ord')}, $2, 'current', 1, to_hex(n), encode(sha256(('f' || n)::bytea), 'hex'), encode(sha256(n::text::bytea), 'hex'), 'EC', 256,
         'CN=Fleet', $4, $3, $4 from ${all}`,
      [matching + others, issuerId, end, now],
    )
    await client.query(
      `insert into placements (id, certificate_id, target_id, state, desired_version_id, deployed_fingerprint, created_at, updated_at)
       select ${id('place')}, ${id('cert')}, $2, 'served', ${id('ver')}, encode(sha256(('f' || n)::bytea), 'hex'), $3, $3 from ${all}`,
      [matching + others, targetId, now],
    )
    for (const table of tables) await client.query(`alter table ${table} enable trigger user`)
    await client.query('analyze')
    for (let from = 1; from <= matching + others; from += chunk)
      await client.query(
        `select refresh_listed_certificates(array_agg(${id('cert')})) from generate_series($1::int, $2::int) as n`,
        [from, Math.min(from + chunk - 1, matching + others)],
      )
    await client.query('analyze')
  } finally {
    await client.end()
  }
}

const chunk = 250

interface Fleet {
  matching: number
  others: number
  agentId: string
  targetId: string
  issuerId: string
}

/** One number out of the database. */
export async function counted(services: TestServices, statement: string): Promise<number> {
  const client = new pg.Client({ connectionString: services.database.url })
  await client.connect()
  try {
    const { rows } = await client.query(`select count(*)::int as count from ${statement}`)
    return rows[0].count
  } finally {
    await client.end()
  }
}
