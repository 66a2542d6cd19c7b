export const keyOids = {
  rsa: '1.2.840.113549.1.1.1',
  rsaPss: '1.2.840.113549.1.1.10',
  ec: '1.2.840.10045.2.1',
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  x25519: '1.3.101.110',
  dsa: '1.2.840.10040.4.1',
  mlDsa44: '2.16.840.1.101.3.4.3.17',
  mlDsa65: '2.16.840.1.101.3.4.3.18',
  mlDsa87: '2.16.840.1.101.3.4.3.19',
} as const

/** What an operator calls an algorithm we can name but do not certify. */
export const otherKeyNames: Readonly<Record<string, string>> = {
  [keyOids.rsaPss]: 'RSA-PSS',
  [keyOids.ed448]: 'Ed448',
  [keyOids.x25519]: 'X25519',
  [keyOids.dsa]: 'DSA',
  [keyOids.mlDsa44]: 'ML-DSA-44',
  [keyOids.mlDsa65]: 'ML-DSA-65',
  [keyOids.mlDsa87]: 'ML-DSA-87',
}

export type Curve = 'P-256' | 'P-384' | 'P-521'

/** Named curves by identifier, with the size of a coordinate. */
export const curveOids: Readonly<Record<string, { name: Curve; bits: number; octets: number }>> = {
  '1.2.840.10045.3.1.7': { name: 'P-256', bits: 256, octets: 32 },
  '1.3.132.0.34': { name: 'P-384', bits: 384, octets: 48 },
  '1.3.132.0.35': { name: 'P-521', bits: 521, octets: 66 },
}

/** Curves that turn up and are refused, so that a refusal can say which it was. */
export const otherCurveNames: Readonly<Record<string, string>> = {
  '1.2.840.10045.3.1.1': 'P-192',
  '1.3.132.0.33': 'P-224',
  '1.3.132.0.10': 'secp256k1',
  '1.3.36.3.3.2.8.1.1.7': 'brainpoolP256r1',
  '1.3.36.3.3.2.8.1.1.11': 'brainpoolP384r1',
  '1.3.36.3.3.2.8.1.1.13': 'brainpoolP512r1',
}
