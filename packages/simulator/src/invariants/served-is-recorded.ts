import type { World } from '../world.js'

/** What targets serve is a version that was recorded for their certificate, and issued to their agent. */
export async function servedIsRecorded(world: World): Promise<void> {
  const served = [...world.agents.values()].flatMap((agent) =>
    [...agent.targets.values()].flatMap((target) =>
      target.served === undefined
        ? []
        : [
            {
              agent: agent.id,
              target: target.id,
              certificate: target.certificateId,
              fingerprint: target.served.fingerprint,
            },
          ],
    ),
  )
  const rows = await world.sql.rows<{ fingerprint: string; certificate_id: string; agent_id: string }>(
    `select versions.fingerprint, versions.certificate_id, holders.agent_id
       from versions join holders on holders.id = versions.holder_id where versions.fingerprint = any($1) and versions.standing <> 'lost'`,
    [served.map(({ fingerprint }) => fingerprint)],
  )
  const known = new Map(rows.map((row) => [row.fingerprint, row]))
  const stranger = served.find(({ fingerprint, certificate, agent }) => {
    const version = known.get(fingerprint)
    return version?.certificate_id !== certificate || version.agent_id !== agent
  })
  if (stranger !== undefined)
    world.violate(
      'servedIsRecorded',
      `${stranger.target} serves a certificate that is not recorded for ${stranger.certificate}`,
    )
}
