import { CertctlError, messageOf } from '@certctl/core'
import { type Csr, parseCertificate, splitCertificates } from '@certctl/pki'

export interface Issued {
  certificatePem: string
  /** Whatever else was printed, in its order. */
  othersPem: readonly string[]
}

/** Finds the CSR's certificate among the PEM blocks that a script printed; text around them is passed over. Throws `upstream_protocol` where there is none to read,
 * `issued_mismatch` where there are only those of other keys: they may be anybody's, so none is taken. */
export function readIssued(printed: string, csr: Csr, path: string): Issued {
  const certificates = readPrinted(printed, path)
  if (certificates.length === 0)
    throw new CertctlError('upstream_protocol', `${path} ended without an error and printed no certificate in PEM`)
  const leaf = certificates.find(({ spkiSha256 }) => spkiSha256 === csr.publicKey.spkiSha256)
  if (leaf === undefined)
    throw new CertctlError('issued_mismatch', `${path} printed no certificate for the key of the CSR, only others`)
  const others = certificates.filter(({ fingerprint }) => fingerprint !== leaf.fingerprint)
  return { certificatePem: leaf.pem, othersPem: others.map(({ pem }) => pem) }
}

function readPrinted(printed: string, path: string) {
  try {
    return splitCertificates(printed).map((pem) => parseCertificate(pem))
  } catch (cause) {
    throw new CertctlError('upstream_protocol', `${path} printed what cannot be read: ${messageOf(cause)}`, { cause })
  }
}
