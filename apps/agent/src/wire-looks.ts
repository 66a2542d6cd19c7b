import type { JobReport } from '@certctl/api'
import type { VerificationReport } from '@certctl/core'
import { checkIssuedBy, fingerprintOf, parseCertificate, splitCertificates } from '@certctl/pki'
import type { Look } from './confirm-served.js'
import { endpointText, type Seen } from './probe.js'

type Served = NonNullable<JobReport['served']>[number]
type Held = NonNullable<JobReport['verification']>

/** Handshakes as they go over the wire. */
export function servedOf(looks: readonly Look[], expectedChainPem: string): Served[] {
  return looks.map(({ endpoint, at, seen, detail }) => ({
    endpoint: endpointText(endpoint),
    at: at.toISOString(),
    chain_ok: seen !== undefined && isChainSent(seen, expectedChainPem),
    ...(seen === undefined ? {} : { fingerprint: seen.fingerprint }),
    ...(detail === undefined ? {} : { detail: detail.slice(0, 1000) }),
  }))
}

/** What a target holds, as it goes over the wire. */
export function heldOf({ matches, location, foundFingerprint, foundSerialNumber }: VerificationReport): Held {
  return {
    matches,
    location: location.slice(0, 1000),
    ...(foundFingerprint === undefined ? {} : { found_fingerprint: foundFingerprint }),
    ...(foundSerialNumber === undefined ? {} : { found_serial_number: foundSerialNumber }),
  }
}

/** Every certificate that clients need was sent; of a foreign leaf only the order can be judged. */
function isChainSent({ leaf, chain }: Seen, expectedChainPem: string): boolean {
  const expected = splitCertificates(expectedChainPem).map((pem) => fingerprintOf(pem))
  const sent = new Set(chain.map((der) => fingerprintOf(der)))
  if (expected.every((fingerprint) => sent.has(fingerprint))) return true
  return chain.length > 0 && isLinked([leaf, ...chain])
}

function isLinked(sent: readonly Uint8Array[]): boolean {
  const certificates = sent.map((der) => parseCertificate(der))
  return certificates.slice(0, -1).every((certificate, index) => {
    const issuer = certificates[index + 1]
    return issuer !== undefined && checkIssuedBy(certificate, issuer)
  })
}
