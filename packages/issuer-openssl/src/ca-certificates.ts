import { CertctlError, type Host, messageOf } from '@certctl/core'
import { type Certificate, issuerFault, parseCertificate, splitCertificates } from '@certctl/pki'

/** The CA's certificates as they stand in the file, the issuing one first; throws `config_invalid` for a file that holds others. */
export async function readCaCertificates(host: Host, path: string): Promise<readonly Certificate[]> {
  const certificates = await read(host, path)
  if (certificates.length === 0) throw new CertctlError('config_invalid', `${path} holds no PEM certificate`)
  const fault = certificates.map(issuerFault).find((found) => found !== undefined)
  if (fault !== undefined) throw new CertctlError('config_invalid', `${path}: ${fault}`)
  return certificates
}

async function read(host: Host, path: string): Promise<Certificate[]> {
  try {
    const text = Buffer.from(await host.files.read(path, { maxBytes: 1_048_576 })).toString('utf8')
    return splitCertificates(text).map((pem) => parseCertificate(pem))
  } catch (cause) {
    throw new CertctlError('config_invalid', `The CA file ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
