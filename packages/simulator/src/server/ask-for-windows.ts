import { askRenewalInfo } from '../../../../apps/server/src/lifecycle/renewal/ask-renewal-info.js'
import type { CaModel } from '../model/ca-model.js'
import { askAgainSeconds } from '../model/renewal-windows.js'
import type { World } from '../world.js'

const putOffMs = 5 * 86_400_000
/** One in so many times that a question is put off, it is asked instead. */
const sample = 20
// Everybody has asked once more by then.
const heardMs = 5 * askAgainSeconds * 1000
// Its id is another one in every run.
const nameOfHolder = `(holders.certificate_id || coalesce(holders.agent_id, ''))`

/** What the server's loop does, one after the other: side by side they would end in another order in every run. */
export async function askForWindows(world: World, signal: AbortSignal): Promise<void> {
  await skipIdleQuestions(world)
  const { services } = world
  for (;;) {
    const now = services.clock.now()
    const until = new Date(now.getTime() + 240_000)
    const holder = await services.store.holders.takeForRenewalInfo({ now, until, except: [] })
    if (holder === undefined) return
    await askRenewalInfo(services, holder, signal)
  }
}

/** A CA that is asked again says the same again, until it wants something back: of such questions only a sample is asked. */
async function skipIdleQuestions({ sql, services, agenda, cas }: World): Promise<void> {
  const now = services.clock.now()
  const moved = [...cas.values()].filter((ca) => isStillHeard(ca, agenda.now()))
  await sql.rows(
    `update holders set renewal_info_at = $1 from versions
      where holders.closed_at is null and holders.renewal_info_at <= $2 and holders.renewal_window_start is not null
        and versions.id = holders.current_version_id and versions.issuer_id <> all($3)
        and abs(hashtext(${nameOfHolder} || $4)) % ${sample} <> 0`,
    [new Date(now.getTime() + putOffMs), now, moved.map(({ id }) => id), String(agenda.now())],
  )
}

/** Whether somebody may not have heard yet that it wants something back: nobody does while it is away. */
function isStillHeard({ wantedBackAt, outages }: CaModel, now: number): boolean {
  if (wantedBackAt === undefined) return false
  const ends = outages.filter(({ from, to }) => from <= now && to > wantedBackAt).map(({ to }) => to)
  return Math.max(wantedBackAt, ...ends) > now - heardMs
}

/** The questions that were put off come when they would have come. */
export async function askAnew({ sql, services }: World, issuerId: string): Promise<void> {
  await sql.rows(
    `update holders set renewal_info_at = $1::timestamptz + abs(hashtext(${nameOfHolder})) % ${askAgainSeconds} * interval '1 second'
       from versions
      where holders.closed_at is null and holders.renewal_info_at > $1
        and versions.id = holders.current_version_id and versions.issuer_id = $2`,
    [services.clock.now(), issuerId],
  )
}
