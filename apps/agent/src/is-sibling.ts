import type { Fingerprint } from '@certctl/core'
import { type Certificate, parseCertificate, sameNames } from '@certctl/pki'
import type { Seen } from './probe.js'

interface Known {
  /** The certificate that was deployed. */
  certificatePem: string
  /** As the server lists them. Absent with a server that does not: then names and issuer decide. */
  listed?: ReadonlySet<Fingerprint> | undefined
  /** What this target held before: serving that is a failed reload, never a sibling. */
  own: ReadonlySet<Fingerprint>
  /** Whether this agent holds the key: then it is an earlier certificate of its own. */
  holdsKey(spkiSha256: string): boolean
  now: Date
}

/** Whether an endpoint showed the current certificate of another holder: same names, same issuer, valid, and not one of ours. Nothing else is told apart from a target that did not change. */
export function isSibling(seen: Seen, { certificatePem, listed, own, holdsKey, now }: Known): boolean {
  if (own.has(seen.fingerprint)) return false
  if (listed !== undefined) return listed.has(seen.fingerprint)
  const deployed = parseCertificate(certificatePem)
  const met = parseIfSound(seen.leaf)
  if (met === undefined || !isSameIssuer(met, deployed) || holdsKey(met.spkiSha256)) return false
  const { missing, extra } = sameNames(deployed.names, met.names)
  return missing.length === 0 && extra.length === 0 && met.notBefore <= now && now <= met.notAfter
}

function isSameIssuer(one: Certificate, other: Certificate): boolean {
  return one.issuerText === other.issuerText && one.authorityKeyIdentifier === other.authorityKeyIdentifier
}

function parseIfSound(der: Uint8Array) {
  try {
    return parseCertificate(der)
  } catch {
    return undefined // What cannot be read is another certificate, not a sibling.
  }
}
