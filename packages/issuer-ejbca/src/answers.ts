import { CertctlError, type HttpResponse, isCertctlError, messageOf, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'
import { type Certificate, parseCertificate, splitCertificates } from '@certctl/pki'

const errorSchema = z.object({ error_message: z.string() })
const waitingSchema = z.object({ info_message: z.string().prefault(''), request_id: z.int().optional() })
const certificateSchema = z.object({ certificate: z.string(), certificate_chain: z.array(z.string()).prefault([]) })

/** What EJBCA says of a refusal, for a message; `undefined` where it is not EJBCA that speaks. */
export function saidIn(response: HttpResponse): string | undefined {
  const parsed = errorSchema.safeParse(jsonIn(response))
  return parsed.success ? plain(parsed.data.error_message) : undefined
}

/** Gives an accepted answer back; else throws with what EJBCA said. A 404 that is a page says that the REST interface is off. */
export function requireStatus(response: HttpResponse, accepted: readonly number[], what: string): HttpResponse {
  const said = accepted.includes(response.status) ? undefined : saidIn(response)
  if (response.status === 404 && said === undefined && !accepted.includes(404))
    throw new CertctlError(
      'config_invalid',
      `EJBCA, ${what}: there is no REST interface at this address; turn on "REST Certificate Management" under System Configuration, Protocol Configuration, or correct api_url`,
    )
  return expectStatus(response, accepted, `EJBCA, ${what}${said === undefined ? '' : ` (it says: ${said})`}`)
}

/** Reads JSON of a known shape; throws `upstream_protocol` for any other. */
export function read<T>(schema: z.ZodType<T>, response: HttpResponse, what: string): T {
  const parsed = schema.safeParse(response.json())
  if (parsed.success) return parsed.data
  throw new CertctlError('upstream_protocol', `EJBCA, ${what}: the answer has another shape than expected`)
}

/** The number of an approval request; older versions have it in their sentence only. */
export function readWaiting(response: HttpResponse): { said: string; requestId: number | undefined } {
  const { info_message, request_id } = read(waitingSchema, response, 'enrolling')
  const inText = /\d{1,10}/.exec(info_message)?.[0]
  const requestId = request_id ?? (inText === undefined ? undefined : Number(inText))
  return { said: plain(info_message), requestId }
}

export interface Enrolled {
  certificate: Certificate
  chainPem: string
}

export function readEnrolled(response: HttpResponse): Enrolled {
  const { certificate, certificate_chain } = read(certificateSchema, response, 'enrolling')
  const [leaf, ...others] = [certificate, ...certificate_chain].flatMap((text) => readCertificates(text))
  if (leaf === undefined) throw new CertctlError('upstream_protocol', 'EJBCA answered without a certificate')
  const chain = others.filter(({ fingerprint }) => fingerprint !== leaf.fingerprint)
  return { certificate: leaf, chainPem: chain.map(({ pem }) => pem).join('') }
}

/** Base64 of DER or of PEM, PEM itself, and in search results base64 of base64. Throws `upstream_protocol` for anything else. */
export function readCertificates(text: string, depth = 0): Certificate[] {
  try {
    if (text.includes('-----BEGIN ')) return splitCertificates(text).map((pem) => parseCertificate(pem))
    const bytes = Buffer.from(text, 'base64')
    if (bytes[0] === 0x30 || depth === 2) return [parseCertificate(bytes)]
    return readCertificates(bytes.toString('latin1'), depth + 1)
  } catch (cause) {
    if (isCertctlError(cause) && cause.code === 'upstream_protocol') throw cause
    throw new CertctlError('upstream_protocol', `EJBCA gave a certificate that cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function jsonIn(response: HttpResponse): unknown {
  try {
    return response.json()
  } catch {
    return undefined // a page of some proxy: the status says enough
  }
}

const longestText = 300

function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[^\x20-\x7e\u00a0-\uffff]/g, '')
    .trim()
    .slice(0, longestText)
}
