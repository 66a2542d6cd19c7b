import { type RawBuilder, sql } from 'kysely'
import { unseenTime } from './kept-plans.js'

/**
 * Of `holders` with the `versions` they serve: nobody may renew it by himself, or it is overdue, by a day or a tenth of what was left when it
 * was due, where that is less. What is about to be renewed on schedule, however late in its life that is, is nothing to tell of.
 */
export function isLeftAlone(now: Date): RawBuilder<boolean> {
  const at = unseenTime(now)
  return sql<boolean>`(holders.renew_at is null or (holders.renew_at <= ${at}
    and holders.renew_at + least(interval '24 hours', (versions.not_after - holders.renew_at) / 10) <= ${at}))`
}
