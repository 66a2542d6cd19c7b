import { CertctlError, formatDuration, type HttpResponse, type IssuanceRequest, parseDuration } from '@certctl/core'
import type { Config } from './config.js'
import { wordsOf } from './failure.js'
import type { Provisioner } from './provisioner.js'

/** How long a certificate is asked for. */
export interface Lifetime {
  /** What the configuration and policy want; `undefined`: whatever is the default there. */
  wantedSeconds: number | undefined
  /** What is asked for, after the provisioner's maximum. */
  seconds: number | undefined
  /** `notAfter` of the request to sign: a duration, or an instant where policy sets the end. */
  notAfter: string | undefined
}

/** What step-ca issues for where nobody says otherwise. */
const usualDefaultSeconds = 86_400

/** Throws `policy_denied` where the end that policy allows is over. */
export function lifetimeOf(
  { validity_days: days }: Config,
  { notAfter: latest }: IssuanceRequest,
  { now, provisioner, maxSeconds }: { now: Date; provisioner: Provisioner; maxSeconds: number | undefined },
): Lifetime {
  const allowed = latest === undefined ? undefined : Math.floor((latest.getTime() - now.getTime()) / 1000)
  if (latest !== undefined && allowed !== undefined && allowed <= 0)
    throw new CertctlError('policy_denied', `The certificate may last until ${latest.toISOString()}, which is over`)
  const { defaultSeconds = usualDefaultSeconds } = provisioner
  const byDefault = allowed === undefined || allowed >= defaultSeconds ? undefined : allowed
  const wantedSeconds = days === 0 ? byDefault : Math.min(days * 86_400, allowed ?? Number.POSITIVE_INFINITY)
  if (wantedSeconds === undefined) return { wantedSeconds, seconds: undefined, notAfter: undefined }
  const seconds = Math.min(wantedSeconds, maxSeconds ?? Number.POSITIVE_INFINITY)
  // A duration counts from the CA's clock, whatever ours says; only what policy limits is an instant.
  const isPolicyEnd = latest !== undefined && seconds === allowed
  return { wantedSeconds, seconds, notAfter: isPolicyEnd ? instantOf(latest) : `${seconds}s` }
}

function instantOf(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, 'Z')
}

const tooLong =
  /requested duration of ([0-9a-z.]+) is more than the authorized maximum certificate duration of ([0-9a-z.]+?)\.?$/

/** The maximum in the refusal of `askedSeconds`: limits that are set for the whole CA are told nowhere else. Both durations there count the backdating. */
export function maximumIn(response: HttpResponse, askedSeconds: number): number | undefined {
  const [, asked = '', maximum = ''] = (response.status === 403 && tooLong.exec(wordsOf(response))) || []
  const [counted, allowed] = [parseDuration(asked), parseDuration(maximum)]
  if (counted === undefined || allowed === undefined) return undefined
  const seconds = Math.floor(allowed - Math.max(counted - askedSeconds, 0))
  return seconds > 0 && seconds < askedSeconds ? seconds : undefined
}

/** Why a certificate ends earlier than was wanted, for the log. */
export function shorteningOf({ wantedSeconds, seconds }: Lifetime, { name }: Provisioner) {
  if (wantedSeconds === undefined || seconds === undefined || seconds >= wantedSeconds) return undefined
  return {
    asked: formatDuration(wantedSeconds),
    because: `the provisioner "${name}", or the CA, allows at most ${formatDuration(seconds)} (maxTLSCertDuration)`,
    remedy: 'set validity_days to 0, or raise claims.maxTLSCertDuration in ca.json',
  }
}
