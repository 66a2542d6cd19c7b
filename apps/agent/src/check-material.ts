import { CertctlError, type CertificateMaterial, type Fingerprint, messageOf, type Secret } from '@certctl/core'
import { buildChain, fingerprintOf, keyMatches, parseCertificate, splitCertificates } from '@certctl/pki'

interface Offered {
  leafPem: string
  chainPem: string
  fingerprint: Fingerprint
  privateKeyPem: Secret
}

/**
 * Everything that can be judged before a target is touched: the certificate is the one that was asked for, the key is its own, it is valid at this moment,
 * the chain leads from it upwards, and nothing but certificates is in it. Each block comes back encoded anew, without the text around it.
 */
export function checkMaterial(offered: Offered, now: Date): CertificateMaterial {
  const { fingerprint, privateKeyPem } = offered
  if (/PRIVATE KEY/.test(offered.leafPem + offered.chainPem))
    throw new CertctlError(
      'upstream_protocol',
      'The server sent a private key among the certificates; nothing was deployed',
    )
  const [certificatePem, ...more] = split(offered.leafPem)
  if (certificatePem === undefined || more.length > 0)
    throw new CertctlError(
      'upstream_protocol',
      `The server sent ${more.length === 0 ? 'no certificate' : 'several certificates'} where one belongs`,
    )
  if (fingerprintOf(certificatePem) !== fingerprint)
    throw new CertctlError(
      'upstream_protocol',
      `The server sent another certificate than ${fingerprint}, which was asked for`,
    )
  if (!keyMatches(certificatePem, privateKeyPem.reveal()))
    throw new CertctlError(
      'deploy_failed',
      `The private key here does not belong to certificate ${fingerprint}; nothing was deployed`,
    )
  requireValidNow(certificatePem, now)
  return { certificatePem, chainPem: soundChain(certificatePem, split(offered.chainPem)), fingerprint, privateKeyPem }
}

function split(pem: string): string[] {
  try {
    return splitCertificates(pem)
  } catch (cause) {
    throw new CertctlError(
      'upstream_protocol',
      `The server sent a certificate that cannot be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

function requireValidNow(certificatePem: string, now: Date): void {
  const { notBefore, notAfter, fingerprint } = parseCertificate(certificatePem)
  if (now < notBefore)
    throw new CertctlError(
      'deploy_failed',
      `Certificate ${fingerprint} is not valid before ${notBefore.toISOString()}; by the server's clock it is ${now.toISOString()}`,
    )
  if (now > notAfter)
    throw new CertctlError(
      'deploy_failed',
      `Certificate ${fingerprint} ended on ${notAfter.toISOString()}; nothing was deployed`,
    )
}

/** In order, without the trust anchor. A leaf that its root signed comes without any. */
function soundChain(leafPem: string, candidates: readonly string[]): string {
  if (candidates.length === 0) return ''
  const { chainPem, rootPem } = buildChain(leafPem, [...candidates])
  const used = splitCertificates(chainPem).length + (rootPem === undefined ? 0 : 1)
  if (used > 0) return chainPem
  throw new CertctlError(
    'deploy_failed',
    'None of the chain the server sent has issued the certificate; nothing was deployed',
  )
}
