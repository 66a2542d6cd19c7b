import { CertctlError, type IssuedRef, type RenewalInfo } from '@certctl/core'
import type { World } from '../world.js'
import type { CaModel } from './ca-model.js'

/** Of a life: earlier than a long one would be renewed without it, and late enough not to be called too early, even where it was received late. */
export const window = { from: 0.45, to: 0.5 }
/** Who asks often enough hears of a window that moved within this time. */
export const askAgainSeconds = 6 * 3600

const hourMs = 3_600_000

/** When a CA wants a certificate to be renewed (RFC 9773): in the middle of its life, or at once, where it wants it back. */
export function renewalInfoOf({ agenda }: World, ca: CaModel, { fingerprint }: IssuedRef): RenewalInfo {
  const signed = ca.signed.get(fingerprint)
  if (signed === undefined) throw new CertctlError('not_found', `${ca.id} knows no certificate ${fingerprint}`)
  const { at, notAfter } = signed
  const isWantedBack = ca.wantedBackAt !== undefined && at <= ca.wantedBackAt
  const [from, to] = isWantedBack
    ? [agenda.now() - 2 * hourMs, agenda.now() - hourMs]
    : [at + (notAfter - at) * window.from, at + (notAfter - at) * window.to]
  return { windowStart: new Date(from), windowEnd: new Date(to), retryAfterSeconds: askAgainSeconds }
}
