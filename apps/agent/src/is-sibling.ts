import type { Fingerprint } from '@certctl/core'
import { parseCertificate, sameNames } from '@certctl/pki'
import type { Seen } from './probe.js'

interface Known {
  /** The certificate that was deployed. */
  certificatePem: string
  /** What this target held before: serving that is a failed reload, never a sibling. */
  own: ReadonlySet<Fingerprint>
  /** Whether this agent holds the key: then it is an earlier certificate of its own. */
  holdsKey(spkiSha256: string): boolean
  now: Date
}

/** Whether an endpoint showed the current certificate of another holder: same names, same issuer, valid, and not one of ours. Nothing else is told apart from a target that did not change. */
export function isSibling(seen: Seen, { certificatePem, own, holdsKey, now }: Known): boolean {
  if (own.has(seen.fingerprint)) return false
  const deployed = parseCertificate(certificatePem)
  const met = parseIfSound(seen.leaf)
  if (met === undefined || met.issuerText !== deployed.issuerText || holdsKey(met.spkiSha256)) return false
  const { missing, extra } = sameNames(deployed.names, met.names)
  return missing.length === 0 && extra.length === 0 && met.notBefore <= now && now <= met.notAfter
}

function parseIfSound(der: Uint8Array) {
  try {
    return parseCertificate(der)
  } catch {
    return undefined // What cannot be read is another certificate, not a sibling.
  }
}
