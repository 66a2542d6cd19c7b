import { createHash } from 'node:crypto'
import { parseCertificate } from '@certctl/pki'

/** What of the world the CA can look at: answers on port 80 and 443, and TXT records. */
export interface Outside {
  keyAuthorization(kind: string, name: string, token: string): string | undefined
  texts(name: string): readonly string[]
  now(): Date
}

/** RFC 9773 §4.1, from the DER and not as the connector does it. */
export function certIdOf(pem: string): string {
  const { authorityKeyIdentifier = '', der } = parseCertificate(pem)
  // Certificate and TBSCertificate have long headers; then comes [0] version (5 octets), then the serial number.
  const at = 4 + 4 + 5
  const serial = Buffer.from(der).subarray(at + 2, at + 2 + (der[at + 1] ?? 0))
  return `${Buffer.from(authorityKeyIdentifier, 'hex').toString('base64url')}.${serial.toString('base64url')}`
}

interface Asked {
  /** Of the name. */
  value: string
  challenge: { type: string; token: string }
  thumbprint: string
}

export function isAnswered(outside: Outside, { value, challenge, thumbprint }: Asked): boolean {
  const expected = `${challenge.token}.${thumbprint}`
  if (challenge.type === 'dns-01')
    return outside.texts(`_acme-challenge.${value}`).includes(createHash('sha256').update(expected).digest('base64url'))
  if (challenge.type === 'dns-persist-01')
    return outside.texts(`_validation-persist.${value}`).some((text) => text.startsWith('ca.example.test; accounturi='))
  return outside.keyAuthorization(challenge.type, value, challenge.token) === expected
}
