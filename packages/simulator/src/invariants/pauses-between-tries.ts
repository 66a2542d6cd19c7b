import type { RowCheck } from './ask-rows.js'

/** No order is asked for without end: after some tries within the first minutes, pauses have grown to an hour or more. */
export const pausesBetweenTries: RowCheck = {
  invariant: 'pausesBetweenTries',
  faults: `
    select 'the order of ' || certificate_id || ' was asked for ' || attempts + looks || ' times since ' || first_asked_at as fault
      from orders
     where state = 'open' and attempts + looks > 16 + 2 * extract(epoch from $1::timestamptz - first_asked_at) / 3600`,
}
