import { CertctlError, messageOf } from '@certctl/core'
import { type Certificate, type Crl, isCrlOf, parseCrl } from '@certctl/pki'

/** Reads what a script printed, DER or PEM. Throws `upstream_protocol` for what is no CRL, or none of these CAs where any are known. */
export function readCrl(printed: string, cas: readonly Certificate[], path: string): Crl {
  const crl = readPrinted(printed, path)
  if (cas.length === 0 || cas.some((ca) => isCrlOf(crl, ca))) return crl
  throw new CertctlError(
    'upstream_protocol',
    `The CRL that ${path} printed, of ${crl.issuerText}, is not signed by a CA of ca_cert_path; it is not published`,
  )
}

/** @param printed one character per byte */
function readPrinted(printed: string, path: string): Crl {
  try {
    return parseCrl(printed.includes('-----BEGIN ') ? printed : Buffer.from(printed, 'latin1'))
  } catch (cause) {
    throw new CertctlError('upstream_protocol', `${path} printed no CRL that can be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}
