import { CertctlError, type FileSystem, type Fingerprint, type Secret } from '@certctl/core'
import { fingerprintOf, keyMatches, splitCertificates } from '@certctl/pki'
import { largestMaterialBytes } from './certificate-material.js'

/** PEM, each block encoded again from its DER, without the text that was between blocks. */
export interface PemParts {
  leaf: string
  /** Issuing CA first, without the trust anchor; empty where there is none. */
  chain: string
  /** Leaf, then chain: what servers send. */
  fullChain: string
}

/** Takes apart what a deployment brings. Throws `deploy_failed` where there is no certificate, or a key hides among them. */
export function pemParts(certificatePem: string, chainPem: string): PemParts {
  if (`${certificatePem}${chainPem}`.includes('PRIVATE KEY-----'))
    throw new CertctlError('deploy_failed', 'A private key is among the certificates; nothing was deployed')
  const [leaf, ...more] = splitCertificates(certificatePem)
  if (leaf === undefined) throw new CertctlError('deploy_failed', 'There is no certificate to deploy')
  const chain = [...more, ...splitCertificates(chainPem)].filter((block) => block !== leaf).join('')
  return { leaf, chain, fullChain: leaf + chain }
}

/** Throws `deploy_failed` where the key is not the certificate's. */
export function requirePair(certificatePem: string, privateKeyPem: Secret): void {
  if (!pairFits(certificatePem, privateKeyPem.reveal()))
    throw new CertctlError('deploy_failed', 'The private key does not belong to the certificate; nothing was deployed')
}

/** Whether the key is that of the first certificate; each may stand among others. A half that cannot be read fits nothing. */
export function pairFits(certificatePem: string, privateKeyPem: string): boolean {
  return readable(() => keyMatches(splitCertificates(certificatePem)[0] ?? '', privateKeyPem)) ?? false
}

/** SHA-256 of the first certificate in a PEM file; `undefined` where there is no file, or no certificate in it. */
export async function leafFingerprint(files: FileSystem, path: string): Promise<Fingerprint | undefined> {
  if ((await files.stat(path))?.kind !== 'file') return undefined
  const text = Buffer.from(await files.read(path, { maxBytes: largestMaterialBytes })).toString('latin1')
  const [leaf] = readable(() => splitCertificates(text)) ?? []
  return leaf === undefined ? undefined : fingerprintOf(leaf)
}

/** What is damaged on disk is a difference to report, not an error. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
