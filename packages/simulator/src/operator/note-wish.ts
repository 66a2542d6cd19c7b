import type { World } from '../world.js'

/** Why a certificate may be renewed before its time. */
export async function noteWish({ sql, services }: World, certificateId: string): Promise<void> {
  await sql.rows('insert into simulated_wishes values ($1, $2)', [certificateId, services.clock.now()])
}
