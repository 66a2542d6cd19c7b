import { CertctlError, type FileStat } from '@certctl/core'

/** The line that marks a file as ours although it is no certificate material; every content written with `own` carries it. */
export const ownMarker = 'Managed by certctl: do not edit'

/** More than this is no certificate material, whatever it is. */
export const largestMaterialBytes = 16 * 1024 * 1024

const materialLabels = new Set([
  ...['CERTIFICATE', 'X509 CERTIFICATE', 'TRUSTED CERTIFICATE', 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'],
  ...['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'DSA PRIVATE KEY', 'PUBLIC KEY'],
  ...['EC PARAMETERS', 'DH PARAMETERS', 'X9.42 DH PARAMETERS', 'PKCS7', 'CMS', 'X509 CRL', 'OCSP RESPONSE'],
])

/** Whether a file with this content may be replaced by a deployment: empty, PEM, DER, PKCS #12, a Java keystore, or a file of ours. */
export function isReplaceable(content: Uint8Array): boolean {
  return isDer(content) || isJavaKeystore(content) || isReplaceableText(Buffer.from(content).toString('latin1'))
}

/** Throws `deploy_failed` where a deployment must not write over what is there. `content` is what the file holds now. */
export function requireReplaceable(path: string, { kind }: Pick<FileStat, 'kind'>, content: Uint8Array): void {
  if (kind !== 'file') throw new CertctlError('deploy_failed', `${path} is not a regular file; give the path of a file`)
  if (isReplaceable(content)) return
  const what = `${path} holds something other than certificate material and is not replaced`
  throw new CertctlError('deploy_failed', `${what}; move it away or choose another path`)
}

function isReplaceableText(text: string): boolean {
  return text.trim() === '' || text.slice(0, 4096).includes(ownMarker) || isPem(text)
}

const pemBlock = /^-----BEGIN ([A-Z0-9. ]+)-----\r?\n[A-Za-z0-9+/=\r\n:,. -]*?^-----END \1-----[ \t]*\r?$/gm
/** What tools write between blocks: comments, bag attributes, and the indented text of `openssl x509 -text`. */
const betweenBlocks = /^(?:\s*|#.*|\s.*|Certificate:|Bag Attributes|Key Attributes.*|(?:subject|issuer)\s?=.*)$/

function isPem(text: string): boolean {
  const labels = [...text.matchAll(pemBlock)].map(([, label = '']) => label)
  const rest = text.replaceAll(pemBlock, '').split('\n')
  const known = labels.length > 0 && labels.every((label) => materialLabels.has(label))
  return known && rest.every((line) => betweenBlocks.test(line))
}

/** One SEQUENCE that fills the file: a certificate, a key, PKCS #12. Indefinite lengths occur in PKCS #12 only. */
function isDer(content: Uint8Array): boolean {
  const [tag, first = 0, ...next] = content.subarray(0, 6)
  if (tag !== 0x30) return false
  if (first === 0x80) return next[0] === 0x02 && next[1] === 0x01 && next[2] === 0x03
  if (first < 0x80) return content.length === first + 2
  const octets = first - 0x80
  if (octets > 4) return false
  const length = next.slice(0, octets).reduce((sum, octet) => sum * 256 + octet, 0)
  return content.length === length + 2 + octets
}

function isJavaKeystore(content: Uint8Array): boolean {
  const magic = Buffer.from(content.subarray(0, 4)).toString('hex')
  return magic === 'feedfeed' || magic === 'cececece'
}
