import { CertctlError, messageOf } from '@certctl/core'
import { unknownConnection } from '../connectors/connections.js'
import { kindWords, type ServerKind } from '../connectors/kind-words.js'
import { answerInTime } from '../lifecycle/order/answer-in-time.js'
import { notifierTested } from '../notify/notifier-alert.js'
import type { Services } from '../services.js'
import type { Actor } from '../store/audit-entry.js'

const limitSeconds = 30

/** Tests credentials and reachability and writes down how it went. Throws `connection_failed` with the cause. */
export async function testConnection(
  services: Services,
  kind: ServerKind,
  input: { id: string; actor: Actor; signal: AbortSignal },
): Promise<{ detail: string }> {
  const { id, actor, signal } = input
  const row = await services.store.connections.get(kind, id)
  if (row === undefined) throw unknownConnection(kind, id)
  const { name, resource } = kindWords[kind]
  const outcome = await tryOut(services, kind, { id, signal })
  await services.store.transaction(async (tx) => {
    await tx.connections.update(id, {
      last_tested_at: tx.now,
      test_status: outcome.status,
      test_message: outcome.detail,
    })
    tx.audit.append({
      actor,
      action: `${resource}.tested`,
      resource_type: resource,
      resource_id: id,
      details: { status: outcome.status },
    })
    if (kind === 'notifier' && outcome.status === 'success') await notifierTested(tx, row)
  })
  if (outcome.status === 'success') return { detail: outcome.detail }
  throw new CertctlError('connection_failed', `The ${name} "${id}" does not work: ${outcome.detail}`, {
    cause: outcome.cause,
  })
}

interface Outcome {
  status: 'success' | 'failed'
  detail: string
  cause?: unknown
}

async function tryOut(
  services: Services,
  kind: ServerKind,
  { id, signal }: { id: string; signal: AbortSignal },
): Promise<Outcome> {
  try {
    const { connector } = await services.connections.open(kind, id)
    const ask = async (limited: AbortSignal) => await connector.test?.(limited)
    const tested = await answerInTime(ask, { seconds: limitSeconds, signal })
    return {
      status: 'success',
      detail: tested?.detail ?? 'The configuration is accepted; this connector has no test of its own',
    }
  } catch (cause) {
    return { status: 'failed', detail: messageOf(cause), cause }
  }
}
