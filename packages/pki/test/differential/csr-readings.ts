import { CertctlError } from '@certctl/core'
import { attributeTypes } from '../../src/attribute-types.js'
import { parseCsr } from '../../src/csr.js'
import { checkKeyPolicy } from '../../src/key-policy.js'
import { checkProofOfPossession } from '../../src/proof-of-possession.js'
import { pkijs, x509 } from '../../src/provider.js'
import type { Reading } from './readings.js'

/** Ours, with all checks. Anything but the product's own refusals passes through. */
export function readOurCsr(der: Uint8Array): Reading | CertctlError {
  try {
    const csr = parseCsr(der)
    checkKeyPolicy(csr.publicKey)
    checkProofOfPossession(csr)
    return {
      subject: csr.subject.map(({ type, value }) => `${type}=${value}`),
      names: csr.names.map(({ type, value }) => `${type}:${value}`),
      spki: Buffer.from(csr.publicKey.spki).toString('hex'),
      attributes: csr.attributes,
      password: csr.challengePassword,
      signed: true,
    }
  } catch (error) {
    if (error instanceof CertctlError) return error
    throw error
  }
}

const kinds: Readonly<Record<string, string>> = { dns: 'dns', ip: 'ip', email: 'email', url: 'uri' }

/** What a library says; `verify`: also whether it finds the signature good. `undefined`: refused. */
export type ReadCsr = (der: Uint8Array, verify: boolean) => Promise<Reading | undefined>

export const readLibraryCsr: ReadCsr = async (der, verify) => {
  try {
    const csr = new x509.Pkcs10CertificateRequest(Buffer.from(der))
    const alternative = csr.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension)
    const password = csr.getAttribute('1.2.840.113549.1.9.7')
    if (verify && !(await csr.verify())) return undefined
    return {
      subject: csr.subjectName
        .toJSON()
        .flatMap((part) =>
          Object.entries(part).flatMap(([type, values]) =>
            values.map((value) => `${type === 'E' ? 'emailAddress' : (attributeTypes[type] ?? type)}=${value}`),
          ),
        ),
      names:
        alternative?.names.items
          .filter(({ type }) => type in kinds)
          .map(({ type, value }) => `${kinds[type]}:${value}`) ?? [],
      spki: Buffer.from(csr.publicKey.rawData).toString('hex'),
      attributes: csr.attributes.map(({ type }) => type),
      password: password instanceof x509.ChallengePasswordAttribute ? password.password : undefined,
    }
  } catch {
    // A library refuses with whatever it likes; that it refused is what counts here.
    return undefined
  }
}

export const readPkijsCsr: ReadCsr = async (der, verify) => {
  try {
    const csr = pkijs.CertificationRequest.fromBER(Uint8Array.from(der))
    if (verify && !(await csr.verify())) return undefined
    return {
      subject: csr.subject.typesAndValues.map(
        ({ type, value }) => `${attributeTypes[type] ?? type}=${value.valueBlock.value}`,
      ),
      spki: Buffer.from(csr.subjectPublicKeyInfo.toSchema().toBER()).toString('hex'),
      attributes: csr.attributes?.map(({ type }) => type) ?? [],
    }
  } catch {
    return undefined
  }
}
