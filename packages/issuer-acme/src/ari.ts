import { CertctlError, type IssuedRef, type RenewalInfo, z } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import type { Acme } from './acme.js'
import { bodyOf } from './transport/answer.js'
import { errorOf } from './transport/problem.js'

/** RFC 9773 §4.1: AKI keyIdentifier, a dot, and the serial number as DER has it (with the zero octet in front of a high bit); `undefined`: it has no AKI. */
export function certIdOf(certificatePem: string): string | undefined {
  const { authorityKeyIdentifier: keyId, serialNumber } = parseCertificate(certificatePem)
  if (keyId === undefined) return undefined
  const even = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`
  const serial = Buffer.from(even, 'hex')
  const signed = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${signed.toString('base64url')}`
}

const infoSchema = z.looseObject({
  suggestedWindow: z.looseObject({ start: z.string(), end: z.string() }),
  explanationURL: z.string().max(2048).optional(),
})
/** What RFC 9773 §4.3.2 and Let's Encrypt ask for where the answer does not say. */
const usualSeconds = 21_600

/** When the CA wants this certificate renewed. No opinion: the directory does not offer it, the certificate is unknown there, or the window makes no sense. */
export async function askRenewalInfo(
  acme: Acme,
  certificate: IssuedRef,
  signal: AbortSignal,
): Promise<RenewalInfo | undefined> {
  const { renewalInfo } = await acme.transport.directory(signal)
  const id = certIdOf(certificate.certificatePem)
  if (!acme.config.ari_enabled || renewalInfo === undefined || id === undefined) return undefined
  const answer = await acme.transport.request({ method: 'GET', url: `${renewalInfo.replace(/\/$/, '')}/${id}`, signal })
  // RFC 9773 §4.1: what is not of this CA is not found; Let's Encrypt and Pebble call it malformed.
  if (answer.status === 404 || answer.problem?.type === 'malformed') return undefined
  if (answer.problem !== undefined) throw errorOf(answer.problem, 'renewal information')
  const { suggestedWindow, explanationURL } = bodyOf(answer, infoSchema, 'renewal information')
  const [windowStart, windowEnd] = [new Date(suggestedWindow.start), new Date(suggestedWindow.end)]
  if (Number.isNaN(windowStart.getTime()) || Number.isNaN(windowEnd.getTime()))
    throw new CertctlError(
      'upstream_protocol',
      'The ACME server answered renewal information with a window that is no time',
    )
  if (windowEnd <= windowStart) {
    acme.host.log.warn('the CA gave a renewal window that ends before it begins; it is not followed', {
      ...suggestedWindow,
    })
    return undefined
  }
  const explanationUrl = explanationURL !== undefined && URL.canParse(explanationURL) ? explanationURL : undefined
  return { windowStart, windowEnd, explanationUrl, retryAfterSeconds: answer.retryAfterSeconds ?? usualSeconds }
}
