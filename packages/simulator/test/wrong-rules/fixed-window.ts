import type { Tampering } from '../../src/tampering.js'

/** Everything is renewed 31 days before its end, however long it lives. */
export const fixedWindow: Tampering = {
  name: 'a fixed window of 31 days',
  async setUp(sql) {
    await sql.rows(`create function fixed_window() returns trigger language plpgsql as $$ begin
      if new.current_version_id is not null then
        select not_after - interval '31 days' into new.renew_at from versions where id = new.current_version_id;
      end if;
      return new; end $$`)
    await sql.rows('create trigger fixed_window before update on holders for each row execute function fixed_window()')
  },
}
