import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { buildCertificate, encodePem, generateKey, keyIdentifierOf } from '@certctl/pki'
import { type Replacement, stamp } from '../stamp.js'

const day = 86_400_000

export interface Signing {
  names: readonly GeneralName[]
  commonName: string
  spki: Uint8Array
  serialNumber: Uint8Array
  notBefore: Date
  notAfter: Date
}

/** A CA's key and certificate; signs whatever it is given. */
export interface Authority {
  readonly certificatePem: string
  sign(wanted: Signing): Promise<Uint8Array>
}

interface Template {
  der: Uint8Array
  made: Signing
}

/** A root that issues itself. Certificates of the same names are stamped from the first one. */
export async function createAuthority(name: string, now: Date): Promise<Authority> {
  const own = await generateKey('EC-P256')
  const key = createPrivateKey(own.privateKeyPem)
  const certificateDer = await buildCertificate({
    serialNumber: Uint8Array.of(1),
    issuer: { privateKey: key },
    subject: [{ type: 'CN', value: name }],
    names: [],
    publicKeySpki: own.spki,
    notBefore: new Date(now.getTime() - day),
    notAfter: new Date(now.getTime() + 7300 * day),
    isCa: true,
    keyUsages: ['keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
  })
  const issuer = { privateKey: key, certificateDer }
  const templates = new Map<string, Template>()
  return {
    certificatePem: encodePem('CERTIFICATE', certificateDer),
    async sign(wanted) {
      const id = JSON.stringify([wanted.commonName, wanted.names, wanted.spki.length])
      const template = templates.get(id)
      if (template !== undefined) return stamped(template, wanted, key)
      const der = await build(issuer, wanted)
      templates.set(id, { der, made: wanted })
      return der
    },
  }
}

async function build(
  issuer: { privateKey: KeyObject; certificateDer: Uint8Array },
  wanted: Signing,
): Promise<Uint8Array> {
  const { names, commonName, spki, serialNumber, notBefore, notAfter } = wanted
  return await buildCertificate({
    serialNumber,
    issuer,
    subject: commonName === '' ? [] : [{ type: 'CN', value: commonName }],
    names,
    publicKeySpki: spki,
    notBefore,
    notAfter,
    isCa: false,
    keyUsages: ['digitalSignature'],
    extendedKeyUsages: ['serverAuth'],
    mustStaple: false,
  })
}

function stamped({ der, made }: Template, wanted: Signing, key: KeyObject): Uint8Array {
  const replacements: Replacement[] = [
    [made.serialNumber, wanted.serialNumber],
    [made.spki, wanted.spki],
    [keyIdentifierOf(made.spki), keyIdentifierOf(wanted.spki)],
    [validity(made), validity(wanted)],
  ]
  return stamp(der, replacements, key)
}

/** Both times as they stand behind each other (RFC 5280 §4.1.2.5.1). */
function validity({ notBefore, notAfter }: Signing): Uint8Array {
  const times = [notBefore, notAfter].map(
    (date) =>
      `${date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2)}`,
  )
  return Buffer.concat(times.map((text) => Buffer.concat([Buffer.of(0x17, text.length), Buffer.from(text)])))
}
