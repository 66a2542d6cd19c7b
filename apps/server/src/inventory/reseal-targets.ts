import { isDeepStrictEqual } from 'node:util'
import { isCertctlError } from '@certctl/core'
import type { ConfigSchema } from '../connectors/marked-schema.js'
import { openConfigIfPossible, sealConfig } from '../connectors/sealed-config.js'
import { emitEvent } from '../notify/emit-event.js'
import type { Services } from '../services.js'
import type { Tx } from '../store/store.js'
import type { TargetRow } from '../store/targets.js'
import { claimPlaces } from './claims.js'
import { placesOf } from './create-target.js'
import { placeOfTarget } from './target-config.js'
import { findTargetType } from './target-type.js'

/**
 * Parts the configurations of an agent's targets by the schemas it reports now: what is a secret now is sealed now, and what was
 * sealed whole becomes readable. Places that become known are claimed; one that another target has raises an alert.
 */
export async function resealTargets(services: Services, tx: Tx, agentId: string): Promise<void> {
  const reported = await tx.connectorTypes.listOfAgent(agentId)
  for (const target of await tx.targets.listOfAgent(agentId)) {
    const schema = findTargetType(reported, target.type)?.schema as ConfigSchema | undefined
    if (schema !== undefined) await resealTarget(services, tx, { target, schema })
  }
}

async function resealTarget(
  services: Services,
  tx: Tx,
  { target, schema }: { target: TargetRow; schema: ConfigSchema },
): Promise<void> {
  const config = openConfigIfPossible(services.sealing, target, placeOfTarget(target.id))
  if (config === undefined) return
  const stored = sealConfig(services.sealing, { schema, config }, placeOfTarget(target.id))
  const isSame =
    isDeepStrictEqual(stored.config, target.config) && (stored.secrets === null) === (target.secrets === null)
  if (isSame) return
  await tx.targets.update(target.id, { config: JSON.stringify(stored.config), secrets: stored.secrets })
  await claimKnown(tx, target, placesOf(schema, config))
}

async function claimKnown(tx: Tx, target: TargetRow, places: readonly string[]): Promise<void> {
  const alertKey = `target ${target.id} places`
  try {
    await claimPlaces(tx, target, places)
    await tx.events.resolve(alertKey, tx.now)
  } catch (error) {
    if (!isCertctlError(error) || error.code !== 'conflict') throw error
    await emitEvent(tx, {
      type: 'target.place_conflict',
      severity: 'critical',
      title: `The target ${target.name} writes where another target writes: ${error.message}`,
      targetId: target.id,
      agentId: target.agent_id,
      alertKey,
    })
  }
}
