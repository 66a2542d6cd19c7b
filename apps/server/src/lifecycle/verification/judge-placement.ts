import type { JobReport } from '@certctl/api'
import type { ErrorCode } from '@certctl/core'

export interface Sight {
  /** What the target holds; absent where it cannot tell. */
  held?: JobReport['verification']
  served: NonNullable<JobReport['served']>
  desiredFingerprint: string
  /** Current certificates of the same names that other holders have: behind a load balancer any of them may answer. */
  siblings: ReadonlySet<string>
  /** Until when the old certificate may still be served. */
  graceUntil: Date
  now: Date
}

export type PlacementVerdict =
  | { state: 'served' | 'unverifiable' }
  | { state: 'deployed'; cause?: { code: ErrorCode; message: string } }
  | { state: 'drifted'; cause: { code: ErrorCode; message: string } }

/** What a look at a target and its endpoints says of a placement that was deployed to before. */
export function judgePlacement(sight: Sight): PlacementVerdict {
  const { held, served, desiredFingerprint: desired } = sight
  if (held !== undefined && !held.matches && held.found_fingerprint !== desired)
    return drifted(`${held.location} holds ${held.found_fingerprint ?? 'no certificate'} instead of ${desired}`)
  if (served.length === 0) return { state: 'unverifiable' }
  const strangers = served.filter(({ fingerprint }) => isStranger(fingerprint, sight))
  const [stranger] = strangers
  if (stranger !== undefined) {
    const message = `${stranger.endpoint} serves ${stranger.fingerprint} instead of ${desired}`
    return sight.now.getTime() < sight.graceUntil.getTime() ? { state: 'deployed' } : drifted(message)
  }
  const silent = served.find(({ fingerprint }) => fingerprint === undefined)
  if (silent !== undefined)
    return {
      state: 'deployed',
      cause: {
        code: 'upstream_unavailable',
        message: `${silent.endpoint} does not answer: ${silent.detail ?? 'no handshake'}`,
      },
    }
  return { state: served.some(({ fingerprint }) => fingerprint === desired) ? 'served' : 'unverifiable' }
}

function isStranger(fingerprint: string | undefined, { desiredFingerprint, siblings }: Sight): boolean {
  return fingerprint !== undefined && fingerprint !== desiredFingerprint && !siblings.has(fingerprint)
}

function drifted(message: string): PlacementVerdict {
  return { state: 'drifted', cause: { code: 'conflict', message } }
}
