import type { Tampering } from '../../src/tampering.js'

/** A renewal that failed is left in a state that nobody looks for. */
export const failuresAreFinal: Tampering = {
  name: 'failed renewals are not tried again',
  async setUp(sql) {
    await sql.rows(`create function failures_are_final() returns trigger language plpgsql as $$ begin
      if new.failures > 0 then new.blocked_code = 'internal'; new.blocked_generation = 1000000; end if;
      return new; end $$`)
    await sql.rows(
      'create trigger failures_are_final before update on holders for each row execute function failures_are_final()',
    )
    await sql.rows(`create function failed_jobs_end() returns trigger language plpgsql as $$ begin
      if new.kind = 'issue' and old.state = 'active' and new.state = 'ready' and new.last_error_code is not null
        then new.state = 'cancelled'; new.completed_at = new.run_at; end if;
      return new; end $$`)
    await sql.rows(
      'create trigger failed_jobs_end before update on jobs for each row execute function failed_jobs_end()',
    )
  },
}
