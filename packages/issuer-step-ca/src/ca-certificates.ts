import { CertctlError, isCertctlError, z } from '@certctl/core'
import { splitCertificates } from '@certctl/pki'
import type { Bench } from './bench.js'
import { failureOf, readAnswer } from './failure.js'

const listSchema = z.object({ crts: z.array(z.string()) })

/** Intermediates first, then the roots. */
export async function caCertificates({ client }: Bench, signal: AbortSignal): Promise<readonly string[]> {
  const what = 'step-ca, reading its CA certificates'
  const read = async (path: string): Promise<string[]> =>
    readAnswer(await client({ method: 'GET', path, signal }), listSchema, what).crts
  const found = [...(await read('/1.0/intermediates')), ...(await read('/1.0/roots'))]
  try {
    return [...new Set(found.flatMap(splitCertificates))]
  } catch (cause) {
    if (!isCertctlError(cause)) throw cause
    throw new CertctlError('upstream_protocol', `${what}: one of them cannot be read`, { cause })
  }
}

/** The CRL that step-ca signs, DER. Throws `unsupported` where it makes none. */
export async function fetchCrl({ client }: Bench, signal: AbortSignal): Promise<Uint8Array> {
  const what = 'step-ca, reading its CRL'
  const response = await client({ method: 'GET', path: '/1.0/crl', signal })
  if (response.status === 404)
    throw new CertctlError('unsupported', `${what}: it makes none; set crl.enabled in ca.json to have one`)
  if (response.status !== 200) throw failureOf(response, what)
  if (isSequence(response.body)) return response.body
  throw new CertctlError('upstream_protocol', `${what}: answered with something that is no CRL`)
}

/** One SEQUENCE that fills the body (RFC 5280 §5.1), so that a page in HTML is never published as a CRL. */
function isSequence(body: Uint8Array): boolean {
  const [tag, first = 0] = body
  if (tag !== 0x30) return false
  if (first < 0x80) return body.length === first + 2
  const octets = first - 0x80
  const length = body.subarray(2, 2 + octets).reduce((sum, octet) => sum * 256 + octet, 0)
  return octets >= 1 && octets <= 4 && body.length === 2 + octets + length
}
