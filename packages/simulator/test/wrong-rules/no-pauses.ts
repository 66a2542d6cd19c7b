import type { Tampering } from '../../src/tampering.js'

/** What failed is tried again as soon as its lease would have ended. */
export const noPauses: Tampering = {
  name: 'no pause grows after a failure',
  async setUp(sql) {
    await sql.rows(`create function no_pauses() returns trigger language plpgsql as $$ begin
      if new.kind = 'issue' and old.state = 'active' and new.state = 'ready' and new.last_error_code is not null
        then new.run_at = least(new.run_at, old.locked_until); end if;
      return new; end $$`)
    await sql.rows('create trigger no_pauses before update on jobs for each row execute function no_pauses()')
  },
}
