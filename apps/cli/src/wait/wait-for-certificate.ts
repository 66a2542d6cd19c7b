import type { Certificate, Placement } from '@certctl/api'
import { CertctlError, duration, type ErrorCode, errorCodes, z } from '@certctl/core'
import type { Cli } from '../cli.js'
import { agoText } from '../output/time-text.js'
import { type Look, pollUntil } from './poll-until.js'

export const waitOptions = {
  '--wait': 'Return when it is served everywhere, or say why not',
  '--timeout <duration>': 'How long to wait; 5m where not given',
}

export const waitGiven = { wait: z.boolean().default(false), timeout: duration().prefault('5m') }

interface Waiting {
  certificate: Certificate
  /** Placements as they were: what was desired then does not count. */
  before?: readonly Placement[] | undefined
  /** Only this target matters. */
  targetId?: string | undefined
  timeoutSeconds: number
}

/** Until every placement serves what is desired of it. What cannot be verified counts as reached and is said; what is refused for good rejects with its code. */
export async function waitForCertificate(cli: Cli, waiting: Waiting): Promise<void> {
  const { certificate, targetId, timeoutSeconds } = waiting
  const what = certificate.name
  await pollUntil(cli, { what, timeoutSeconds }, async () => {
    const [current, placements] = await Promise.all([
      cli.client().getCertificate({ params: { id: certificate.id } }),
      cli.client().listCertificatePlacements({ params: { id: certificate.id } }),
    ])
    const relevant = placements.body.data.filter(({ target_id }) => targetId === undefined || target_id === targetId)
    const now = cli.io.now()
    requireHope(current.body, relevant, { waiting, now })
    return lookAt(current.body, relevant, { waiting, now })
  })
}

function lookAt(
  certificate: Certificate,
  placements: readonly Placement[],
  { waiting, now }: { waiting: Waiting; now: Date },
): Look {
  const { before = [], certificate: asked } = waiting
  const isRenewal = waiting.before !== undefined
  const old = new Map(before.map((placement) => [placement.target_id, placement.desired_fingerprint]))
  const isReached = (placement: Placement) =>
    ['served', 'unverifiable'].includes(placement.state) &&
    placement.desired_fingerprint !== undefined &&
    placement.desired_fingerprint !== old.get(placement.target_id)
  const issued =
    certificate.fingerprint_sha256 !== undefined &&
    !(isRenewal && certificate.fingerprint_sha256 === asked.fingerprint_sha256)
  const lines = new Map(placements.map((placement) => [placement.target_name, lineOf(placement, isReached(placement))]))
  const countdowns = new Map(placements.map((placement) => [placement.target_name, countdownOf(placement, now)]))
  if (placements.length === 0) lines.set('certificate', issued ? 'issued' : issuanceText(certificate))
  else if (!issued && placements.every((placement) => !isReached(placement)))
    lines.set('certificate', issuanceText(certificate))
  return { done: placements.length === 0 ? issued : placements.every(isReached), lines, countdowns }
}

function lineOf(placement: Placement, reached: boolean): string {
  const { state, cause } = placement
  if (reached) return state === 'served' ? 'served' : 'deployed; nothing to shake hands with, so not verified'
  const waitingState = ['served', 'unverifiable'].includes(state) ? 'waiting for the new certificate' : state
  const reason = cause === undefined ? '' : ` (${cause.code}: ${cause.message})`
  return `${waitingState}${reason}`
}

function countdownOf({ state, next_attempt_at }: Placement, now: Date): string {
  const next = agoText(next_attempt_at, now)
  return next === undefined || state !== 'failed' ? '' : `, next attempt ${next}`
}

function issuanceText({ status, holders = [] }: Certificate): string {
  const cause = holders.find((holder) => holder.cause !== undefined)?.cause
  return cause === undefined ? status : `${status} (${cause.code}: ${cause.message})`
}

/** What only a person or a change can help is not waited for, nor is a next attempt that comes too late; what was so before is given its new chance. */
function requireHope(
  certificate: Certificate,
  placements: readonly Placement[],
  { waiting, now }: { waiting: Waiting; now: Date },
): void {
  const before = new Set(obstaclesOf(waiting.certificate, waiting.before ?? []).map(({ key }) => key))
  const end = now.getTime() + waiting.timeoutSeconds * 1000
  for (const { key, cause, nextAttemptAt, where } of obstaclesOf(certificate, placements)) {
    const code = knownCode(cause.code)
    if (before.has(key) || code === undefined || errorCodes[code].retry) continue
    if (nextAttemptAt !== undefined && Date.parse(nextAttemptAt) <= end) continue
    const next = agoText(nextAttemptAt, now)
    const rest = next === undefined ? 'is not tried again by itself' : `is tried again ${next}`
    throw new CertctlError(code, `${where}: ${cause.message}; this waits for a change and ${rest}`)
  }
}

interface Obstacle {
  key: string
  cause: { code: string; message: string }
  nextAttemptAt: string | undefined
  where: string
}

function obstaclesOf({ holders = [] }: Certificate, placements: readonly Placement[]): Obstacle[] {
  const found = [
    ...holders.map((holder) => ({ ...holder, where: 'issuance', key: `${holder.id} ${holder.failures}` })),
    ...placements
      .filter(({ state }) => state === 'failed')
      .map((placement) => ({
        ...placement,
        where: placement.target_name,
        key: `${placement.target_id} ${placement.failures}`,
      })),
  ]
  return found.flatMap(({ key, cause, next_attempt_at, where }) =>
    cause === undefined ? [] : [{ key, cause, nextAttemptAt: next_attempt_at, where }],
  )
}

function knownCode(code: string): ErrorCode | undefined {
  return Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : undefined
}
