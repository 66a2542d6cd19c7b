import { CertctlError } from '@certctl/core'
import type { ServerKind } from '../connectors/connections.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import { lockEditable } from './update-connection.js'

/** Removes an issuer or notifier. Refused with the list of what refers to it (`conflict`). */
export async function deleteConnection(
  services: Services,
  kind: ServerKind,
  { id, actor }: { id: string; actor: Actor },
): Promise<void> {
  await services.store.transaction(async (tx) => {
    const row = await lockEditable(tx, kind, id)
    if (kind === 'issuer') await requireUnused(tx, id)
    else await tx.notifications.closeOfConnection(id)
    await tx.connectorState.removeAll(id)
    await tx.connections.remove(id)
    tx.audit.append({
      actor,
      action: `${kind}.deleted`,
      resource_type: kind,
      resource_id: id,
      details: { name: row.name, type: row.type },
    })
    await tx.wake('settings', `connection ${id}`)
  })
  services.connections.forget(id)
}

async function requireUnused(tx: Tx, id: string): Promise<void> {
  const referrers = await tx.connections.referrersOfIssuer(id)
  const used = Object.entries(referrers).filter(([, ids]) => ids.length > 0)
  if (used.length === 0) return
  const list = used.map(([noun, ids]) => `${noun} ${ids.join(', ')}${ids.length === 5 ? ', …' : ''}`).join('; ')
  throw new CertctlError('conflict', `The issuer "${id}" is in use by ${list}; disable it instead`, {
    errors: used.map(([noun, ids]) => ({ field: noun, message: ids.join(', ') })),
  })
}
