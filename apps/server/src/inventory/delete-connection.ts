import { CertctlError } from '@certctl/core'
import { kindWords, type ServerKind } from '../connectors/kind-words.js'
import { endNotifierAlert } from '../notify/notifier-alert.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import { lockEditable } from './update-connection.js'

/** Removes an issuer, notifier or DNS provider. Refused with the list of what refers to it (`conflict`). */
export async function deleteConnection(
  services: Services,
  kind: ServerKind,
  { id, actor }: { id: string; actor: Actor },
): Promise<void> {
  const { resource } = kindWords[kind]
  await services.store.transaction(async (tx) => {
    const row = await lockEditable(tx, kind, id)
    // Before it is held: who routes events has locked these, and waits for the notifiers.
    if (kind === 'notifier')
      await endNotifierAlert(tx, row, { type: 'notifier.deleted', title: `The notifier ${row.name} was deleted` })
    await tx.connections.holdForRemoval(id)
    if (kind === 'notifier') await tx.notifications.partFromConnection(id)
    else await requireUnused(tx, kind, id)
    await tx.connectorState.removeAll(id)
    await tx.connections.remove(id)
    tx.audit.append({
      actor,
      action: `${resource}.deleted`,
      resource_type: resource,
      resource_id: id,
      details: { name: row.name, type: row.type },
    })
    tx.wake('settings', `connection ${id}`)
  })
  services.connections.forget(id)
}

async function requireUnused(tx: Tx, kind: 'issuer' | 'dns', id: string): Promise<void> {
  const referrers: Record<string, string[]> =
    kind === 'issuer'
      ? await tx.connections.referrersOfIssuer(id)
      : { issuers: await tx.connections.issuersWithDnsProvider(id) }
  const used = Object.entries(referrers).filter(([, ids]) => ids.length > 0)
  if (used.length === 0) return
  const list = used.map(([noun, ids]) => `${noun} ${ids.join(', ')}${ids.length === 5 ? ', …' : ''}`).join('; ')
  throw new CertctlError(
    'conflict',
    `The ${kindWords[kind].name} "${id}" is in use by ${list}; ${kind === 'issuer' ? 'disable it instead' : 'change them first'}`,
    {
      errors: used.map(([noun, ids]) => ({ field: noun, message: ids.join(', ') })),
    },
  )
}
