import { CertctlError, type IssuanceRequest } from '@certctl/core'
import { type KeyUsage, keyUsageOf, type PublicKeyInfo, purposeOid } from '@certctl/pki'

/** What a key of each kind can be used for in a leaf (RFC 3279 §2.3.1, RFC 8813 §3, RFC 8410 §5). */
const possible: Readonly<Record<PublicKeyInfo['algorithm'], readonly KeyUsage[]>> = {
  RSA: ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment'],
  EC: ['digitalSignature', 'nonRepudiation', 'keyAgreement', 'encipherOnly', 'decipherOnly'],
  Ed25519: ['digitalSignature', 'nonRepudiation'],
}

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
  const kept = chosen.filter((usage) => possible[algorithm].includes(usage))
  return kept.length > 0 ? kept : ['digitalSignature']
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
