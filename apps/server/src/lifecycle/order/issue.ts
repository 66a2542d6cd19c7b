import { CertctlError, type IssuanceRequest, type JsonValue, type OrderOutcome } from '@certctl/core'
import type { Sealing } from '../../access/sealing.js'
import type { IssuerInstance } from '../../connectors/connections.js'
import type { ApprovedRequest } from '../policy/apply-policy.js'
import type { Attempt } from './begin-attempt.js'

interface Turn {
  attempt: Attempt
  approved: ApprovedRequest
  issuer: IssuerInstance
  sealing: Sealing
  signal: AbortSignal
}

/** Asks the CA once: places the order, or looks at the one it has. The attempt is committed before. */
export async function issue(turn: Turn): Promise<OrderOutcome> {
  const { attempt, issuer, sealing, signal } = turn
  const { order } = attempt
  const request = requestOf(turn)
  if (order.vendor_order_id === null) return await issuer.connector.issue({ ...request, signal })
  if (issuer.connector.poll === undefined)
    throw new CertctlError(
      'upstream_protocol',
      `${issuer.type} left order ${order.vendor_order_id} pending but has no way to ask for it`,
    )
  return await issuer.connector.poll({
    orderId: order.vendor_order_id,
    progress: progressOf(attempt, sealing),
    request,
    signal,
  })
}

function requestOf({ attempt, approved }: Turn): Omit<IssuanceRequest, 'signal'> {
  const { order, certificate, previous, siblings } = attempt
  return {
    id: order.id,
    attempt: Math.max(order.attempts, 1),
    firstAskedAt: order.first_asked_at,
    csrPem: approved.csr.pem,
    commonName: approved.commonName,
    names: approved.names,
    subject: approved.subject,
    extendedKeyUsages: approved.extendedKeyUsages,
    notAfter: approved.notAfter,
    mustStaple: approved.mustStaple,
    previous,
    siblings,
    context: { certificateId: certificate.id, environment: certificate.environment || undefined },
  }
}

function progressOf({ order }: Attempt, sealing: Sealing): JsonValue | undefined {
  if (order.progress === null) return undefined
  const place = { table: 'orders', id: order.id, column: 'progress' }
  return JSON.parse(sealing.open(order.progress, place).toString('utf8')) as JsonValue
}
