import type { Tampering } from '../../src/tampering.js'

/** What was told once about a subject is never told again, also when it was over in between. */
export const alertsOnce: Tampering = {
  name: 'alerts once for ever',
  async setUp(sql) {
    await sql.rows(`create function alerts_once() returns trigger language plpgsql as $$ begin
      if new.alert_key is not null and exists (select 1 from events where alert_key = new.alert_key) then return null; end if;
      return new; end $$`)
    await sql.rows('create trigger alerts_once before insert on events for each row execute function alerts_once()')
  },
}
