import { CertctlError, type IssuanceRequest } from '@certctl/core'
import { type KeyUsage, keyUsageOf, type PublicKeyInfo, purposeOid, usableKeyUsages } from '@certctl/pki'

const tls = ['serverAuth', 'clientAuth', 'anyExtendedKeyUsage'].map(purposeOid)
const mail = purposeOid('emailProtection')

/** Key usages as asked for, else those that the extended usages need; without those that this kind of key cannot have. */
export function keyUsagesOf(
  { keyUsages, extendedKeyUsages }: Pick<IssuanceRequest, 'keyUsages' | 'extendedKeyUsages'>,
  algorithm: PublicKeyInfo['algorithm'],
): KeyUsage[] {
  const wanted = (keyUsages ?? []).map(keyUsageOf)
  const forCa = wanted.find((usage) => usage === 'keyCertSign' || usage === 'cRLSign')
  if (forCa !== undefined)
    throw new CertctlError('policy_denied', `The key usage ${forCa} belongs to CAs; this issuer signs leafs only`)
  const chosen = wanted.length > 0 ? wanted : usualUsages(extendedKeyUsages.map(purposeOid))
  return usableKeyUsages(algorithm, chosen)
}

/** TLS with RSA key exchange and S/MIME encryption need keyEncipherment; S/MIME signs in a way that binds. */
function usualUsages(purposes: readonly string[]): KeyUsage[] {
  const isMail = purposes.includes(mail)
  const enciphers = isMail || purposes.length === 0 || purposes.some((purpose) => tls.includes(purpose))
  return [
    'digitalSignature',
    ...(isMail ? (['nonRepudiation'] as const) : []),
    ...(enciphers ? (['keyEncipherment'] as const) : []),
  ]
}
