import type { Tampering } from '../../src/tampering.js'

/** What a CA says of when it wants a certificate renewed is never asked for. */
export const windowsUnheard: Tampering = {
  name: "a CA's wish to have a certificate renewed unheard",
  isRun: ({ name }) => name !== 'renewal-info',
}

/** It is asked for once, and never again. */
export const windowsAskedOnce: Tampering = {
  name: 'a wish of a CA that comes later unheard',
  async setUp(sql) {
    await sql.rows(`create function asked_once() returns trigger language plpgsql as $$ begin
      if new.renewal_window_start is not null then new.renewal_info_at := null; end if;
      return new; end $$`)
    await sql.rows('create trigger asked_once before update on holders for each row execute function asked_once()')
  },
}
