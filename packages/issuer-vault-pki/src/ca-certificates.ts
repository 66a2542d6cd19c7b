import { CertctlError, type HttpResponse, isCertctlError } from '@certctl/core'
import { splitCertificates } from '@certctl/pki'
import type { Bench } from './bench.js'
import { failureOf } from './failure.js'

const what = 'Vault, reading its CA certificates'

/** Of the mount's default issuer: issuing CA first, then those above it, as far as the mount knows them. */
export async function caCertificates({ config, client }: Bench, signal: AbortSignal): Promise<readonly string[]> {
  const read = (path: string): Promise<HttpResponse> =>
    client.send({ method: 'GET', path: `${config.mount}/${path}`, signal })
  const issuing = certificatesIn(await read('ca/pem'))
  const chain = certificatesIn(await read('ca_chain'))
  const all = [...new Set([...issuing, ...chain])]
  if (all.length > 0) return all
  throw new CertctlError(
    'upstream_rejected',
    `${what}: the mount ${config.mount} has no CA yet; generate or import one`,
  )
}

function certificatesIn(response: HttpResponse): string[] {
  if (response.status === 204) return []
  if (response.status !== 200) throw failureOf(response, what)
  const text = response.text()
  const certificates = readable(text)
  if (certificates.length === 0 && text.trim() !== '')
    throw new CertctlError(
      'upstream_protocol',
      `${what}: answered something else than PEM; check that addr leads to Vault`,
    )
  return certificates
}

function readable(text: string): string[] {
  try {
    return splitCertificates(text)
  } catch (error) {
    if (isCertctlError(error)) return []
    throw error
  }
}
