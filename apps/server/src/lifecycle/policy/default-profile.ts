/** A kind of key and its smallest size: bits of the modulus, or of the curve. */
export interface AllowedKey {
  algorithm: 'RSA' | 'ECDSA' | 'Ed25519'
  min_size: number
}

/** Who makes and keeps the private key: an agent, whoever sent a CSR, or the server. */
export type KeyCustody = 'agent' | 'outside' | 'server'

/** What may be asked for. */
export interface Profile {
  id: string
  /** One that is not gives nothing new; what it gave stays. */
  isEnabled: boolean
  /** Shortest validity that may be asked for. */
  minTtlSeconds?: number | undefined
  /** Longest validity, whatever the CA would give. */
  maxTtlSeconds?: number | undefined
  /** Whether validities below an hour may be asked for. */
  allowsShortLived: boolean
  /** None: every key that is strong enough at all. */
  allowedKeyAlgorithms: readonly AllowedKey[]
  allowedExtendedKeyUsages: readonly string[]
  /** None: every one. */
  allowedKeyUsages: readonly string[]
  /** Each host name, address and mailbox matches one of them as a whole, a mailbox one with an `@`; none: every one. */
  requiredSanPatterns: readonly string[]
  /** Each URI matches it as a whole. */
  spiffeUriPattern?: string | undefined
  allowsWildcards: boolean
  allowsIpAddresses: boolean
  allowsEmailAddresses: boolean
  /** None: every issuer. */
  allowedIssuerIds: readonly string[]
  allowedKeyCustody: readonly KeyCustody[]
  forcesMustStaple: boolean
  /** Attributes that a CSR must have: object identifiers, or names. */
  requiredCsrAttributes: readonly string[]
  /** Whether a CSR may bring a key of another kind than the certificate asks for. */
  allowsOtherKeys: boolean
  /** Whether nobody chose it: then what CSRs say and CAs give beside what was asked for is theirs. */
  isDefault: boolean
  /** Whether a certificate may be renewed from a stored CSR, and so with the key it has. */
  allowsKeyReuse: boolean
  /** Whether a second person has to agree before the CA is asked. */
  requiresApproval: boolean
}

/** Holds where a certificate names no profile. */
export const defaultProfile: Profile = {
  id: 'default',
  isEnabled: true,
  allowsShortLived: true,
  allowedKeyAlgorithms: [],
  allowedExtendedKeyUsages: ['serverAuth', 'clientAuth'],
  allowedKeyUsages: [],
  requiredSanPatterns: [],
  allowsWildcards: true,
  allowsIpAddresses: true,
  allowsEmailAddresses: true,
  allowedIssuerIds: [],
  allowedKeyCustody: ['agent', 'outside'],
  forcesMustStaple: false,
  requiredCsrAttributes: [],
  allowsOtherKeys: false,
  isDefault: true,
  allowsKeyReuse: true,
  requiresApproval: false,
}
