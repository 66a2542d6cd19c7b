import { createHash, randomBytes } from 'node:crypto'
import { buildCertificate, encodePem, generateKey, parseGeneralName, positiveSerial } from '@certctl/pki'

const dayMs = 86_400_000

/** The self-signed certificate that answers tls-alpn-01 (RFC 8737 §3): one name, and the digest of the key authorization as a critical extension. */
export async function challengeCertificate(
  { name, keyAuthorization }: { name: string; keyAuthorization: string },
  now: Date,
): Promise<{ cert: string; key: string }> {
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const der = await buildCertificate({
    serialNumber: positiveSerial(randomBytes(16)),
    issuer: { privateKey: privateKeyPem },
    subject: [{ type: 'CN', value: 'ACME challenge' }],
    names: [parseGeneralName(name)],
    publicKeySpki: spki,
    notBefore: new Date(now.getTime() - dayMs),
    notAfter: new Date(now.getTime() + 7 * dayMs),
    isCa: false,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: [],
    mustStaple: false,
    acmeIdentifier: createHash('sha256').update(keyAuthorization).digest(),
  })
  return { cert: encodePem('CERTIFICATE', der), key: privateKeyPem }
}
