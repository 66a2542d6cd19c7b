import type pg from 'pg'
import type { TestPostgres } from './harness/postgres.js'
import { until } from './harness/until.js'

/** A step of a certificate's life at which somebody is killed: when the row is about to be written. */
export interface Gate {
  name: string
  phase: 'issue' | 'renew'
  table: string
  on: 'insert' | 'update'
  when?: string
}

const changes = (column: string) => `new.${column} is distinct from old.${column}`

const steps: readonly Omit<Gate, 'phase'>[] = [
  { name: 'issue job queued', table: 'jobs', on: 'insert', when: "new.kind = 'issue'" },
  { name: 'CSR arrives, order opened', table: 'orders', on: 'insert' },
  { name: 'attempt noted before the CA is asked', table: 'orders', on: 'update', when: changes('attempts') },
  { name: 'CA records what it signed', table: 'connector_state', on: 'insert', when: "new.instance = 'iss-local'" },
  { name: 'version recorded', table: 'versions', on: 'insert' },
  { name: 'order closed', table: 'orders', on: 'update', when: "new.state = 'valid'" },
  { name: 'version becomes current', table: 'holders', on: 'update', when: changes('current_version_id') },
  { name: 'placement desires it', table: 'placements', on: 'update', when: changes('desired_version_id') },
  { name: 'deploy job queued', table: 'jobs', on: 'insert', when: "new.kind = 'deploy'" },
  {
    name: 'deploy job claimed',
    table: 'jobs',
    on: 'update',
    when: "new.kind = 'deploy' and new.state = 'active' and old.state <> 'active'",
  },
  { name: 'deployment reported', table: 'placements', on: 'update', when: changes('deployed_fingerprint') },
  { name: 'deploy job settled', table: 'jobs', on: 'update', when: "new.kind = 'deploy' and new.state = 'done'" },
]

const firstOnly: readonly Omit<Gate, 'phase'>[] = [
  { name: 'certificate created', table: 'certificates', on: 'insert' },
  { name: 'holder created', table: 'holders', on: 'insert' },
  { name: 'placement created', table: 'placements', on: 'insert' },
  { name: 'record sealed before the commit', table: 'audit_batches', on: 'insert' },
]

export const gates: readonly Gate[] = [
  ...firstOnly.map((step) => ({ ...step, phase: 'issue' as const })),
  ...steps.map((step) => ({ ...step, phase: 'issue' as const })),
  ...steps.map((step) => ({ ...step, phase: 'renew' as const })),
]

const lock = 4711

/** Triggers that stop a session of the server at a step, as long as that step is armed. Only the test's database has them. */
export async function buildGates(postgres: TestPostgres): Promise<void> {
  await postgres.query('create unlogged table test_armed (name text primary key)')
  await postgres.query(`create function test_gate() returns trigger language plpgsql as $$
    begin
      if exists (select 1 from test_armed where name = tg_argv[0]) then perform pg_advisory_xact_lock_shared(${lock}); end if;
      return new;
    end $$`)
  const distinct = [...new Map([...firstOnly, ...steps].map((step) => [step.name, step])).values()]
  for (const [index, { name, table, on, when }] of distinct.entries()) {
    const condition = when === undefined ? '' : `when (${when})`
    await postgres.query(
      `create trigger test_gate_${index} before ${on} on ${table} for each row ${condition} execute function test_gate('${name}')`,
    )
  }
}

export interface ArmedGate {
  /** The copy that stands at the gate: its application name. */
  hit(seconds: number): Promise<string>
  disarm(): Promise<void>
  open(): Promise<void>
}

export async function armGate(postgres: TestPostgres, name: string): Promise<ArmedGate> {
  const session: pg.Client = await postgres.connect()
  await session.query('select pg_advisory_lock($1)', [lock])
  await postgres.query('insert into test_armed values ($1)', [name])
  return {
    hit: (seconds) =>
      until(`somebody comes to the step "${name}"`, seconds, async () => {
        const rows = await postgres.query<{ application_name: string }>(
          "select application_name from pg_stat_activity where wait_event_type = 'Lock' and wait_event = 'advisory'",
        )
        return rows[0]?.application_name
      }),
    async disarm() {
      await postgres.query('delete from test_armed')
    },
    // Ending the session opens the gate; where PostgreSQL was killed it is gone already.
    open: () => session.end().catch(() => undefined),
  }
}
