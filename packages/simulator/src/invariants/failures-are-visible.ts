import { isOut } from '../outages.js'
import type { World } from '../world.js'
import type { RowCheck } from './ask-rows.js'

const openAlert = `events.alert_key is not null and events.resolved_at is null and events.severity <> 'info'`

/** What the rows know to fail has an alert that is open: for as long as it fails, and again when it fails again. */
export const knownFailures: RowCheck = {
  invariant: 'failuresAreVisible',
  faults: `
    select 'the issuance of ' || holders.certificate_id || ' failed ' || holders.failures || ' times (' || holders.last_error || '), and no alert is open' as fault
      from holders
     where holders.failures >= 4 and holders.closed_at is null
       and not exists (select 1 from events where events.certificate_id = holders.certificate_id and ${openAlert})
    union all
    select 'the deployment of ' || placements.certificate_id || ' to ' || placements.target_id || ' is ' || placements.state || ' (' || placements.cause_message || '), and no alert is open'
      from placements
     where placements.state in ('failed', 'drifted') and placements.removed_at is null and placements.frozen_at is null and placements.failures >= 4
       and not exists (select 1 from events where events.target_id = placements.target_id and ${openAlert})
    union all
    select 'the certificate of ' || versions.certificate_id || ' ends at ' || versions.not_after || ', nothing has replaced it, and no alert is open'
      from versions join holders on holders.current_version_id = versions.id
      join certificates on certificates.id = versions.certificate_id
     where holders.closed_at is null and versions.revoked_at is null and holders.renew_at is not null and certificates.archived_at is null
       and versions.not_after - (versions.not_after - versions.received_at) * 0.1 < $1::timestamptz - interval '3 hours'
       and not exists (select 1 from events where events.certificate_id = versions.certificate_id and ${openAlert})
    union all
    select 'a revocation was not confirmed in ' || revocations.attempts || ' attempts, and no alert is open'
      from revocations
     where revocations.attempts >= 5 and revocations.state = 'here' and revocations.last_error is not null
       and not exists (select 1 from events where events.issuer_id = revocations.issuer_id and ${openAlert})`,
}

// The loop that looks for silent agents runs every two hours here, and agents are silent after five minutes.
const silentMs = 5 * 3_600_000

/** What only the world knows: an agent that is off is told of, and a target that does not have what it should is not called served. */
export async function failuresAreVisible(world: World): Promise<void> {
  await silentAgentsAreTold(world)
  await wrongTargetsAreNotCalledServed(world)
}

async function silentAgentsAreTold(world: World): Promise<void> {
  const now = world.agenda.now()
  const off = [...world.agents.values()].filter(
    ({ outages }) => isOut(outages, now) && outages.some(({ from, to }) => from < now - silentMs && now < to),
  )
  if (off.length === 0) return
  const told = await world.sql.rows<{ agent_id: string }>(
    `select agent_id from events where agent_id = any($1) and target_id is null and ${openAlert}`,
    [off.map(({ id }) => id)],
  )
  const untold = off.find(({ id }) => !told.some(({ agent_id }) => agent_id === id))
  if (untold !== undefined) world.violate('failuresAreVisible', `${untold.id} is off for hours, and no alert is open`)
}

async function wrongTargetsAreNotCalledServed(world: World): Promise<void> {
  const called = await world.sql.rows<{ target_id: string; fingerprint: string }>(
    `select placements.target_id, versions.fingerprint from placements join versions on versions.id = placements.desired_version_id
      where placements.state = 'served' and placements.removed_at is null and placements.frozen_at is null
        and placements.updated_at < $1`,
    [new Date(world.agenda.now() - 3 * 3_600_000)],
  )
  const targets = new Map([...world.agents.values()].flatMap(({ targets: own }) => [...own]))
  const wrong = called.find(({ target_id, fingerprint }) => {
    const target = targets.get(target_id)
    return target !== undefined && !world.drifted.has(target_id) && target.served?.fingerprint !== fingerprint
  })
  if (wrong !== undefined)
    world.violate('failuresAreVisible', `${wrong.target_id} is called served, and serves something else`)
}
