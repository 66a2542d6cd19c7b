import { createPrivateKey, KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { CertctlError } from '@certctl/core'
import { tags } from './der/primitives.js'
import { element, oid, sequence } from './der/writer.js'
import { signatureOids } from './signature-oids.js'

/** Something that signs as a CA or a requester does: a key in this process, or one elsewhere behind the same shape. */
export interface Signer {
  readonly keyAlgorithm: 'RSA' | 'EC' | 'Ed25519'
  readonly signatureName: SignatureName
  /** AlgorithmIdentifier, DER: what goes beside every signature. */
  readonly algorithmIdentifier: Uint8Array
  /** A signature over the bytes in the form X.509 carries it. Off the event loop where the key is slow. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
  /** Present where the key is here and fast (P-256, Ed25519): a thread would cost more than it saves. */
  signNow?(bytes: Uint8Array): Uint8Array
}

const noParameters = new Uint8Array()
const nullParameters = element(tags.null)

const signatures = {
  sha256WithRSAEncryption: {
    key: 'RSA',
    hash: 'sha256',
    identifier: sequence(oid(signatureOids.rsaSha256), nullParameters),
  },
  'ecdsa-with-SHA256': {
    key: 'EC',
    hash: 'sha256',
    identifier: sequence(oid(signatureOids.ecdsaSha256), noParameters),
  },
  'ecdsa-with-SHA384': {
    key: 'EC',
    hash: 'sha384',
    identifier: sequence(oid(signatureOids.ecdsaSha384), noParameters),
  },
  'ecdsa-with-SHA512': {
    key: 'EC',
    hash: 'sha512',
    identifier: sequence(oid(signatureOids.ecdsaSha512), noParameters),
  },
  Ed25519: { key: 'Ed25519', hash: undefined, identifier: sequence(oid(signatureOids.ed25519), noParameters) },
} as const

export type SignatureName = keyof typeof signatures

/** A signer for a key in this process: PKCS #8 PEM or a key object. Throws `request_malformed` for a key that cannot be read or is of another kind. */
export function createSigner(privateKey: KeyObject | string): Signer {
  const key = privateKey instanceof KeyObject ? privateKey : readPrivateKey(privateKey)
  const signatureName = signatureNameOf(key)
  const { key: keyAlgorithm, hash, identifier } = signatures[signatureName]
  const signAside = promisify(sign)
  const isFast = signatureName === 'ecdsa-with-SHA256' || signatureName === 'Ed25519'
  const common = { keyAlgorithm, signatureName, algorithmIdentifier: identifier }
  if (!isFast) return { ...common, sign: async (bytes) => await signAside(hash, bytes, key) }
  const signNow = (bytes: Uint8Array): Uint8Array => sign(hash, bytes, key)
  return { ...common, sign: async (bytes) => signNow(bytes), signNow }
}

/** Reads an unencrypted private key, PEM. The error never quotes it. */
export function readPrivateKey(privateKeyPem: string): KeyObject {
  try {
    return createPrivateKey(privateKeyPem)
  } catch {
    // The cause is left out: OpenSSL's text may carry parts of what it read.
    throw new CertctlError(
      'request_malformed',
      'The private key cannot be read: it must be unencrypted PEM (PKCS #8, PKCS #1 or SEC 1)',
    )
  }
}

const curveSignatures: Readonly<Record<string, SignatureName>> = {
  prime256v1: 'ecdsa-with-SHA256',
  secp384r1: 'ecdsa-with-SHA384',
  secp521r1: 'ecdsa-with-SHA512',
}

function signatureNameOf(key: KeyObject): SignatureName {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa') return 'sha256WithRSAEncryption'
  if (type === 'ed25519') return 'Ed25519'
  const name = type === 'ec' ? curveSignatures[details?.namedCurve ?? ''] : undefined
  if (name !== undefined) return name
  throw new CertctlError(
    'request_malformed',
    `A private key of type ${type ?? 'unknown'} does not sign here; use RSA, P-256, P-384, P-521 or Ed25519`,
  )
}
