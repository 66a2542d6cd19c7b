import type { World } from '../world.js'

/** One in so many hourly looks that would find nothing new is really made. */
const sample = 200

/**
 * A look at a placement that finds what the rows say changes nothing but the time of the next one. There would be millions of them: of
 * those that are due now, all but a sample are put off by two hours, as if they had been made. Where the model knows of a difference, the
 * look is made.
 */
export async function skipIdleLooks({ sql, services, drifted, agenda }: World): Promise<void> {
  const now = services.clock.now()
  await sql.rows(
    `update placements set verify_at = $1
      where removed_at is null and verify_at <= $2 and state in ('served', 'unverifiable') and target_id <> all($3)
        and abs(hashtext(target_id || $4)) % ${sample} <> 0`,
    [new Date(now.getTime() + 7_200_000), now, [...drifted], String(agenda.now())],
  )
}
