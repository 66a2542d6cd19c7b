import { CertctlError, type HttpResponse } from '@certctl/core'
import type { Bench } from './bench.js'
import { failureOf } from './failure.js'

/** step-ca gives tokens a minute. */
const toleratedSeconds = 60

/** Why a token was refused. step-ca says the same sentence to all: what can be seen from here is told apart, the rest is listed. */
export function refusalOf({ config, host, provisioners }: Bench, response: HttpResponse, what: string): CertctlError {
  const failure = failureOf(response, what)
  if (response.status !== 401) return failure
  provisioners.forget()
  const apart = clockDifferenceSeconds(response, host.now())
  if (apart !== undefined && Math.abs(apart) > toleratedSeconds) {
    const text = `our clock is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} the CA's, and tokens bear a minute; set both by NTP`
    return new CertctlError('upstream_rejected', `${failure.message}: ${text}`)
  }
  const name = new URL(config.ca_url).hostname
  const causes = `${name} is not among dnsNames of the CA, the provisioner was replaced, the token was used before, or the CA has just been started`
  return new CertctlError('upstream_rejected', `${failure.message}: the token was not accepted; likely ${causes}`)
}

/** Positive: ours is ahead. `undefined` where the answer carries no date. */
export function clockDifferenceSeconds({ headers }: HttpResponse, now: Date): number | undefined {
  const theirs = Date.parse(headers.date ?? '')
  return Number.isNaN(theirs) ? undefined : Math.floor(now.getTime() / 1000) - theirs / 1000
}
