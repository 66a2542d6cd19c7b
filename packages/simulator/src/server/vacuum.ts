import type { World } from '../world.js'

/** In virtual hours: tables grow fast at first, and plans that were made for empty ones must go. */
const first = [3, 12, 24, 48, 96]
const everyHours = 10 * 24

/** What autovacuum does, which comes at moments of real time: a world that is lived again must be the same one. */
export async function startVacuum({ agenda, sql, scenario }: World): Promise<void> {
  const vacuum = async (): Promise<void> => void (await sql.rows('vacuum analyze'))
  for (const hours of first) agenda.after(hours * 3600, vacuum)
  for (let hours = everyHours; hours < scenario.days * 24; hours += everyHours) agenda.after(hours * 3600, vacuum)
  await vacuum()
}
