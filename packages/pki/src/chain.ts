import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { type Certificate, parseCertificate } from './certificate.js'
import { isSignedBy } from './proof-of-possession.js'
import { readPrivateKey } from './signer.js'

/** Whether `issuer` signed `certificate`: a CA, of the issuer's name, of the key identifier where both say one, and the signature holds. Validity is not asked. */
export function checkIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!mayHaveIssued(certificate, issuer)) return false
  try {
    const { signatureScheme: scheme } = certificate
    // Reading a certificate into OpenSSL takes several times as long as the check; algorithms and keys that we would not use are left to it.
    if (scheme === undefined || scheme.key !== issuer.publicKey.algorithm)
      return new X509Certificate(certificate.der).verify(keyOf(issuer))
    return isSignedBy(certificate, keyOf(issuer), scheme)
  } catch {
    // A key or signature that OpenSSL cannot read has verified nothing.
    return false
  }
}

/** Of certificates that are asked about again and again: those of CAs. */
const keys = new WeakMap<Uint8Array, KeyObject>()

function keyOf({ publicKey: { spki } }: Certificate): KeyObject {
  const known = keys.get(spki)
  const key = known ?? createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (known === undefined) keys.set(spki, key)
  return key
}

function mayHaveIssued(certificate: Certificate, issuer: Certificate): boolean {
  if (Buffer.compare(certificate.issuerDer, issuer.subjectDer) !== 0) return false
  // Version 1 has no extensions to say that it is a CA; such roots exist.
  if (!issuer.isCa && issuer.version === 3) return false
  if (issuer.keyUsages.length > 0 && !issuer.keyUsages.includes('keyCertSign')) return false
  const { authorityKeyIdentifier: wanted } = certificate
  return wanted === undefined || issuer.subjectKeyIdentifier === undefined || wanted === issuer.subjectKeyIdentifier
}

/** Why relying parties refuse what this certificate signs, whatever its validity (RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4); `undefined`: they do not. */
export function issuerFault({ isCa, keyUsages, unknownCritical, subjectText }: Certificate): string | undefined {
  if (!isCa) return `the certificate ${subjectText} is not of a CA (basicConstraints)`
  if (!keyUsages.includes('keyCertSign'))
    return `the certificate ${subjectText} has no keyCertSign among its key usages`
  const [unknown] = unknownCritical
  return unknown === undefined
    ? undefined
    : `the certificate ${subjectText} has the critical extension ${unknown}, which nobody here understands`
}

export interface Chain {
  /** Issuing CA first, trust anchor left out; empty where nothing fits. */
  chainPem: string
  /** The self-signed end, where it was among the candidates. */
  rootPem?: string | undefined
  /** Whether the chain leads to a self-signed certificate. CAs that leave their root out give chains that are not. */
  complete: boolean
}

const longestChain = 8

/** Orders whatever a CA returned: follows issuers from the leaf, prefers a way that ends at a root, and leaves out what is not on it. Throws `request_malformed` for a candidate that cannot be read. */
export function buildChain(leafPem: string, candidatePems: readonly string[]): Chain {
  const leaf = parseCertificate(leafPem)
  const seen = new Set([leaf.fingerprint])
  const candidates = candidatePems
    .map(candidateOf)
    .filter(({ fingerprint }) => !seen.has(fingerprint) && seen.add(fingerprint))
  if (isSelfSigned(leaf)) return { chainPem: '', rootPem: leaf.pem, complete: true }
  const path = bestPath(leaf, candidates, longestChain)
  const last = path.at(-1)
  if (last === undefined || !isSelfSigned(last)) return { chainPem: pemOf(path), complete: false }
  return { chainPem: pemOf(path.slice(0, -1)), rootPem: last.pem, complete: true }
}

/** The certificates of the CAs in use are few and come with every answer. */
const mostCandidates = 100
const parsed = new Map<string, Certificate>()

function candidateOf(pem: string): Certificate {
  const known = parsed.get(pem)
  if (known !== undefined) return known
  const certificate = parseCertificate(pem)
  if (parsed.size >= mostCandidates) parsed.clear()
  parsed.set(pem, certificate)
  return certificate
}

function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('')
}

/** Cross-signed CAs make several ways; the first that reaches a root wins, else the longest. */
function bestPath(certificate: Certificate, candidates: readonly Certificate[], left: number): Certificate[] {
  let best: Certificate[] = []
  if (left === 0) return best
  for (const issuer of candidates.filter((candidate) => checkIssuedBy(certificate, candidate))) {
    if (isSelfSigned(issuer)) return [issuer]
    const others = candidates.filter((candidate) => candidate !== issuer)
    const path = [issuer, ...bestPath(issuer, others, left - 1)]
    if (isSelfSigned(path.at(-1) ?? issuer)) return path
    if (path.length > best.length) best = path
  }
  return best
}

const selfSigned = new WeakMap<Certificate, boolean>()

function isSelfSigned(certificate: Certificate): boolean {
  if (!certificate.isSelfIssued) return false
  const known = selfSigned.get(certificate)
  const found = known ?? checkIssuedByItself(certificate)
  if (known === undefined) selfSigned.set(certificate, found)
  return found
}

/** A self-signed leaf is no CA and still its own issuer. */
function checkIssuedByItself(certificate: Certificate): boolean {
  return checkIssuedBy(certificate, { ...certificate, isCa: true, keyUsages: [] })
}

/** Whether this private key belongs to this certificate. Throws `request_malformed` for either that cannot be read. */
export function keyMatches(certificatePem: string, privateKeyPem: string): boolean {
  const { publicKey } = parseCertificate(certificatePem)
  const own = createPublicKey(readPrivateKey(privateKeyPem)).export({ type: 'spki', format: 'der' })
  return Buffer.compare(own, publicKey.spki) === 0
}
