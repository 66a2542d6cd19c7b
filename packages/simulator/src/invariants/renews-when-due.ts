import type { RowCheck } from './ask-rows.js'

/**
 * Nothing is renewed before its time: a version that was replaced because of its age had less than 60 % of its life left. What was
 * revoked, what its CA wanted back, what a person asked for and what an agent lost the key of may go earlier, and so may what a change of the
 * certificate replaced.
 */
export const renewsWhenDue: RowCheck = {
  invariant: 'renewsWhenDue',
  faults: `
    select next.certificate_id || ' was renewed with ' || round(extract(epoch from older.not_after - next.received_at) / 86400) || ' of '
      || round(extract(epoch from older.not_after - older.received_at) / 86400) || ' days left' as fault
      from versions next
      join orders on orders.id = next.order_id
      join versions older on older.id = orders.previous_version_id
      join holders on holders.id = older.holder_id
     where next.standing = 'current' and next.received_at > $1::timestamptz - interval '7 hours'
       and older.revoked_at is null and orders.generation = older.generation
       and older.not_after - orders.created_at > (older.not_after - older.received_at) * 0.6
       and not exists (select 1 from simulated_wanted_back wanted where wanted.issuer_id = older.issuer_id
         and wanted.at between older.received_at - interval '3 days' and orders.created_at)
       and not exists (select 1 from simulated_wishes where simulated_wishes.certificate_id = next.certificate_id
         and simulated_wishes.at > older.received_at - interval '2 days')`,
}
