import type { World } from '../world.js'

const putOffMs = 12 * 3_600_000
/** One in so many times that a look is put off, it is made instead. */
const sample = 160

/**
 * A look at a placement that finds what the rows say changes nothing but the time of the next one. There would be millions of them: those
 * that are due are put off by twelve hours, as if they and the hourly ones until then had been made, and only a sample is made. Where the
 * model knows of a difference, the look is made when it would have been.
 */
export async function skipIdleLooks({ sql, services, drifted, putOff, agenda }: World): Promise<void> {
  const now = services.clock.now()
  const targets = [...drifted]
  for (const ms of putOff) if (ms < now.getTime()) putOff.delete(ms)
  if (targets.length > 0 && putOff.size > 0)
    await sql.rows(
      'update placements set verify_at = $1 where removed_at is null and verify_at = any($2) and target_id = any($3)',
      [now, [...putOff].map((ms) => new Date(ms)), targets],
    )
  const later = new Date(now.getTime() + putOffMs)
  putOff.add(later.getTime())
  await sql.rows(
    `update placements set verify_at = $1
      where removed_at is null and verify_at <= $2 and state in ('served', 'unverifiable') and target_id <> all($3)
        and abs(hashtext(target_id || $4)) % ${sample} <> 0`,
    [later, now, targets, String(agenda.now())],
  )
}
