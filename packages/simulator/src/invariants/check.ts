import { isOut } from '../outages.js'
import type { World } from '../world.js'
import { askRows } from './ask-rows.js'
import { failuresAreVisible, knownFailures } from './failures-are-visible.js'
import { issuedIsRecorded } from './issued-is-recorded.js'
import { nothingIsStuck } from './nothing-is-stuck.js'
import { oneCurrentVersion } from './one-current-version.js'
import { pausesBetweenTries } from './pauses-between-tries.js'
import { recordIsWhole } from './record-is-whole.js'
import { renewsAsItsCaAsks } from './renews-as-its-ca-asks.js'
import { renewsWhenDue } from './renews-when-due.js'
import { servedIsRecorded } from './served-is-recorded.js'

const everySeconds = 6 * 3600
// Who was away a while ago may still be catching up.
const catchingUpMs = 12 * 3_600_000

/** Tables of the simulator's own, beside the server's: who is away, which CAs say when they want renewals, and what was asked for by hand. */
export async function prepareChecks({ sql, cas }: World): Promise<void> {
  await sql.rows('create table simulated_down (party text primary key)')
  await sql.rows('create table simulated_suggesting (issuer_id text primary key)')
  await sql.rows('create table simulated_wanted_back (issuer_id text not null, at timestamptz not null)')
  const suggesting = [...cas.values()].filter(({ suggests }) => suggests)
  await sql.rows('insert into simulated_suggesting select unnest($1::text[])', [suggesting.map(({ id }) => id)])
  await sql.rows('create table simulated_wishes (certificate_id text not null, at timestamptz not null)')
}

/** Asks everything that can be asked at any time, again and again. */
export function startChecks(world: World): void {
  world.agenda.after(everySeconds, async () => {
    await noteWhoIsAway(world)
    await askRows(world, [
      oneCurrentVersion,
      renewsWhenDue,
      renewsAsItsCaAsks,
      nothingIsStuck,
      pausesBetweenTries,
      knownFailures,
    ])
    await failuresAreVisible(world)
    startChecks(world)
  })
}

/** What can only be asked once all is over. */
export async function checkAtTheEnd(world: World): Promise<void> {
  await servedIsRecorded(world)
  await issuedIsRecorded(world)
  await recordIsWhole(world)
}

async function noteWhoIsAway({ sql, agents, cas, agenda }: World): Promise<void> {
  const now = agenda.now()
  const parties = [...agents.values(), ...cas.values()].filter(
    ({ outages }) => isOut(outages, now) || outages.some(({ to }) => to <= now && now < to + catchingUpMs),
  )
  await sql.rows('delete from simulated_down')
  await sql.rows('insert into simulated_down select unnest($1::text[])', [parties.map(({ id }) => id)])
}
