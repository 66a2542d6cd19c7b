/** What may be asked for. */
export interface Profile {
  id: string
  /** Longest validity, whatever the CA would give. */
  maxTtlSeconds?: number | undefined
  allowedExtendedKeyUsages: readonly string[]
  /** Whether a CSR may bring a key of another kind than the certificate asks for. */
  allowsOtherKeys: boolean
  /** Whether a certificate may be renewed from a stored CSR, and so with the key it has. */
  allowsKeyReuse: boolean
}

/** Holds where a certificate names no profile. */
export const defaultProfile: Profile = {
  id: 'default',
  allowedExtendedKeyUsages: ['serverAuth', 'clientAuth'],
  allowsOtherKeys: false,
  allowsKeyReuse: true,
}
