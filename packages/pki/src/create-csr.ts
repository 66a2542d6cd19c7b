import { createPublicKey, type KeyObject } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import type { NameAttribute } from './distinguished-name.js'
import { encodeName } from './encode-name.js'
import { altNamesExtension, mustStapleExtension, purposesExtension } from './extensions/encode-extensions.js'
import { encodePem } from './pem.js'
import type { Subtle } from './provider.js'
import { createSigner, readPrivateKey, type SignatureName } from './signer.js'

export interface CsrOptions {
  privateKeyPem: string
  commonName?: string | undefined
  /** Beside the common name, least specific part first. */
  subject?: readonly NameAttribute[] | undefined
  names: readonly GeneralName[]
  extendedKeyUsages?: readonly string[] | undefined
  mustStaple?: boolean | undefined
}

/** A CSR signed with this key, PEM. Throws `request_malformed` for a key or subject that cannot be used and `identifier_rejected` for a name. */
export async function createCsr(options: CsrOptions): Promise<string> {
  const { privateKeyPem, commonName, subject = [] } = options
  const attributes = commonName === undefined ? subject : [...subject, { type: 'CN', value: commonName }]
  // On first use: loading the libraries takes longer than all the rest, and programs that only read need none of it.
  const { engine, x509 } = await import('./provider.js')
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name(Buffer.from(encodeName(attributes))),
    ...(await importPair(readPrivateKey(privateKeyPem), engine.subtle)),
    extensions: extensionsOf(options, attributes.length === 0).map((der) => new x509.Extension(Buffer.from(der))),
  })
  return encodePem('CERTIFICATE REQUEST', new Uint8Array(made.rawData))
}

function extensionsOf(
  { names, extendedKeyUsages = [], mustStaple = false }: CsrOptions,
  isSubjectEmpty: boolean,
): Uint8Array[] {
  return [
    ...(names.length > 0 ? [altNamesExtension(names, isSubjectEmpty)] : []),
    ...(extendedKeyUsages.length > 0 ? [purposesExtension(extendedKeyUsages)] : []),
    ...(mustStaple ? [mustStapleExtension()] : []),
  ]
}

const imports: Readonly<Record<SignatureName, { name: string; namedCurve?: string; hash?: string }>> = {
  sha256WithRSAEncryption: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  'ecdsa-with-SHA256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'ecdsa-with-SHA384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'ecdsa-with-SHA512': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  Ed25519: { name: 'EdDSA', namedCurve: 'Ed25519' },
}

async function importPair(privateKey: KeyObject, subtle: Subtle) {
  const algorithm = imports[createSigner(privateKey).signatureName]
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' })
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const keys = {
    privateKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
  }
  return { keys, signingAlgorithm: algorithm }
}
