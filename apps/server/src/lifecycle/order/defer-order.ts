import type { ErrorCode } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Tx } from '../../store/store.js'
import { raiseAlert } from '../raise-alert.js'
import type { LeasedJob } from './begin-attempt.js'

// A renewal that waits is told of as its certificate ends.
const patienceMs = 86_400_000

interface Delay {
  seconds: number
  /** Absent: the asking was cut short, and nothing is wrong. */
  code?: ErrorCode | undefined
  message: string
  /** What a person types; a test of the issuer where not given. */
  command?: string | undefined
}

/** Gives a claimed job back without a failure: nothing was asked, or the asking was cut short. Why it waits is kept with who waits, and told of where a first certificate has waited for a day. */
export async function deferOrder(services: Services, job: LeasedJob, delay: Delay): Promise<void> {
  await services.store.transaction(async (tx) => {
    if (delay.code !== undefined) await tx.certificates.lock(job.certificate_id ?? '')
    const runAt = new Date(tx.now.getTime() + delay.seconds * 1000)
    const isOurs = await tx.jobs.settle(job, {
      state: 'ready',
      run_at: runAt,
      locked_until: null,
      last_error_code: delay.code ?? null,
      last_error: delay.message,
    })
    if (delay.seconds === 0) tx.wake('work', 'issue')
    if (isOurs && delay.code !== undefined) await tell(tx, job, { ...delay, runAt })
  })
}

async function tell(tx: Tx, job: LeasedJob, { code, message, command, runAt }: Delay & { runAt: Date }): Promise<void> {
  const holder = await tx.holders.lock(job.holder_id ?? '')
  const order = await tx.orders.get(job.order_id ?? '')
  // What was refused says why by itself.
  if (holder === undefined || order === undefined || holder.blocked_code !== null) return
  await tx.holders.update(holder.id, { last_error_code: code ?? null, last_error: message, next_attempt_at: runAt })
  const certificate = await tx.certificates.get(order.certificate_id)
  const isPatient = holder.current_version_id !== null || order.created_at.getTime() + patienceMs > tx.now.getTime()
  if (certificate === undefined || isPatient) return
  await raiseAlert(tx, {
    subject: `issuance:${holder.id}`,
    type: 'certificate.issuance_waits',
    severity: 'warning',
    title: `${certificate.name} is not issued yet: ${message}`,
    command: command ?? `certctl issuers test ${order.issuer_id}`,
    data: { order_id: order.id, code, message },
    certificateId: certificate.id,
    issuerId: order.issuer_id,
  })
}
