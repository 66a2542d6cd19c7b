import { isCertctlError, messageOf } from '@certctl/core'
import { answerInTime } from '../lifecycle/order/answer-in-time.js'
import { raiseAlert } from '../lifecycle/raise-alert.js'
import { resolveAlert } from '../lifecycle/resolve-alert.js'
import type { Services } from '../services.js'
import type { ConnectionRow } from '../store/connections.js'

const callSeconds = 60
const shortestSeconds = 10
const longestSeconds = 86_400
const firstPauseSeconds = 30
const longestPauseSeconds = 900
/** In a row; before, it is a hiccup. */
const failuresToTell = 3

/** Types of issuers whose connectors have credentials to keep alive. */
export function typesToMaintain({ registry }: Pick<Services, 'registry'>): string[] {
  return registry
    .list('issuer')
    .filter(({ definition }) => definition.capabilities.operations.includes('maintain'))
    .map(({ definition }) => definition.type)
}

/** Has a connector keep its credentials alive, and writes down when it wants that again. Never rejects: what fails is tried again soon, and told when it fails again and again. */
export async function keepAlive(services: Services, issuer: ConnectionRow, signal: AbortSignal): Promise<void> {
  try {
    const { connector } = await services.connections.issuer(issuer.id)
    const asked = answerInTime(async (limited) => await connector.maintain?.(limited), { seconds: callSeconds, signal })
    await succeed(services, issuer, (await asked)?.nextInSeconds ?? longestSeconds)
  } catch (error) {
    if (signal.aborted) return
    await fail(services, issuer, error).catch((fault: unknown) =>
      // It was put off when it was taken, and is due again by itself.
      services.log.error({ issuer: issuer.id, reason: messageOf(fault) }, 'what failed could not be written down'),
    )
  }
}

async function succeed({ store, metrics }: Services, issuer: ConnectionRow, seconds: number): Promise<void> {
  const pause = Number.isFinite(seconds) ? Math.min(Math.max(seconds, shortestSeconds), longestSeconds) : longestSeconds
  await store.transaction(async (tx) => {
    const maintain_at = new Date(tx.now.getTime() + pause * 1000)
    if (!(await tx.connections.settleMaintenance(issuer, { maintain_at, maintain_failures: 0 }))) return
    const title = `The credentials of ${issuer.name} are kept alive again`
    await resolveAlert(tx, { ...eventOf(issuer), type: 'issuer.maintenance_restored', title })
  })
  metrics.issuerMaintained({ issuerType: issuer.type, outcome: 'done' })
}

async function fail({ store, log, metrics }: Services, issuer: ConnectionRow, error: unknown): Promise<void> {
  const code = isCertctlError(error) ? error.code : 'internal'
  const asked = isCertctlError(error) ? (error.retryAfterSeconds ?? 0) : 0
  const failures = issuer.maintain_failures + 1
  const pause = Math.max(asked, Math.min(firstPauseSeconds * 2 ** (failures - 1), longestPauseSeconds))
  log.warn({ issuer: issuer.id, failures, code, reason: messageOf(error) }, 'credentials could not be kept alive')
  metrics.issuerMaintained({ issuerType: issuer.type, outcome: 'failed' })
  await store.transaction(async (tx) => {
    const maintain_at = new Date(tx.now.getTime() + Math.min(pause, longestSeconds) * 1000)
    const isOurs = await tx.connections.settleMaintenance(issuer, { maintain_at, maintain_failures: failures })
    if (!isOurs || failures < failuresToTell) return
    await raiseAlert(tx, {
      ...eventOf(issuer),
      type: 'issuer.maintenance_failed',
      severity: 'warning',
      title: `The credentials of ${issuer.name} could not be kept alive, ${failures} times so far, and may end: ${messageOf(error)}`,
      command: `certctl issuers test ${issuer.id}`,
      data: { code, failures },
    })
  })
}

function eventOf({ id }: ConnectionRow) {
  return { subject: `issuer-maintenance:${id}`, issuerId: id }
}
