import { CertctlError } from '@certctl/core'
import { beforeAll, describe, expect, it } from '@jest/globals'
import { element, oid, sequence, smallInteger, time, unsignedInteger } from '../src/der/writer.js'
import { type Certificate, createSigner, encodePem, isCrlOf, parseCrl } from '../src/index.js'
import { createAuthority, type TestAuthority } from './forge/authority.js'
import { createRandom } from './forge/random.js'

const thisUpdate = new Date('2026-11-25T12:00:00Z')
const nextUpdate = new Date('2026-12-02T12:00:00Z')

interface Wanted {
  serials?: readonly string[]
  version?: number | undefined
  next?: Date | null
  extensions?: boolean
  algorithm?: Uint8Array
  tail?: Uint8Array
}

let ca: TestAuthority
let issuer: Certificate
beforeAll(async () => {
  ca = await createAuthority({ name: 'Test CA' })
  issuer = ca.certificate
})

const reason = sequence(sequence(oid('2.5.29.21'), element(0x04, element(0x0a, Uint8Array.of(1)))))
const number = element(0xa0, sequence(sequence(oid('2.5.29.20'), element(0x04, smallInteger(7)))))

async function forgeCrl({ serials = ['0a', 'ff00'], version = 1, next = nextUpdate, ...wanted }: Wanted = {}) {
  const signer = createSigner(ca.privateKeyPem)
  const entries = serials.map((serial, index) =>
    sequence(unsignedInteger(Buffer.from(serial, 'hex')), time(thisUpdate), ...(index === 0 ? [reason] : [])),
  )
  const body = sequence(
    ...(version === 0 ? [] : [smallInteger(version)]),
    signer.algorithmIdentifier,
    issuer.subjectDer,
    time(thisUpdate),
    ...(next === null ? [] : [time(next)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(wanted.extensions === false ? [] : [number]),
    wanted.tail ?? new Uint8Array(),
  )
  const signature = element(0x03, Uint8Array.of(0), await signer.sign(body))
  return sequence(body, wanted.algorithm ?? signer.algorithmIdentifier, signature)
}

describe('a CRL', () => {
  it('tells its issuer, its times and every serial number in canonical form', async () => {
    const crl = parseCrl(await forgeCrl())
    expect(crl).toMatchObject({ issuerText: issuer.subjectText, thisUpdate, nextUpdate, serialNumbers: ['0a', 'ff00'] })
    expect(isCrlOf(crl, issuer)).toBe(true)
  })

  it('may be PEM, of version 1, without a next update, without entries', async () => {
    const der = await forgeCrl()
    expect(parseCrl(`text around\n${encodePem('X509 CRL', der)}`).der).toEqual(Buffer.from(der))
    const bare = parseCrl(await forgeCrl({ serials: [], version: 0, next: null, extensions: false }))
    expect(bare).toMatchObject({ serialNumbers: [], nextUpdate: undefined })
    expect(isCrlOf(bare, issuer)).toBe(true)
  })

  it('is not that of another CA, of another key, or of a CA that may not sign CRLs', async () => {
    const crl = parseCrl(await forgeCrl())
    expect(isCrlOf(crl, (await createAuthority({ name: 'Another CA' })).certificate)).toBe(false)
    const { certificate: other } = await createAuthority({ name: 'Test CA' })
    expect(Buffer.from(other.subjectDer)).toEqual(Buffer.from(issuer.subjectDer))
    expect(isCrlOf(crl, other)).toBe(false)
    expect(isCrlOf(crl, { ...issuer, keyUsages: ['keyCertSign'] })).toBe(false)
    expect(isCrlOf({ ...crl, signatureScheme: undefined }, issuer)).toBe(false)
  })

  it('whose bytes were changed is not signed any more', async () => {
    const der = Buffer.from(await forgeCrl())
    const at = der.indexOf(Buffer.from('ff00', 'hex'))
    der[at] = 0xfe
    expect(isCrlOf(parseCrl(der), issuer)).toBe(false)
  })

  it.each([
    ['another version', { version: 2 }, 'version'],
    ['something after its extensions', { tail: Uint8Array.of(5, 0) }, 'too many bytes'],
    ['another algorithm outside', { algorithm: sequence(oid('1.2.840.10045.4.3.3')) }, 'differs'],
    ['an empty list', { serials: [], tail: sequence(), extensions: false }, 'list of revoked certificates is empty'],
    ['a serial number of zero', { serials: ['00'] }, 'not positive'],
  ])('with %s is refused', async (_what, wanted, fault) => {
    const der = await forgeCrl(wanted)
    expect(() => parseCrl(der)).toThrow(expect.objectContaining({ code: 'request_malformed' }))
    expect(() => parseCrl(der)).toThrow(fault)
  })

  it('with bytes after its end, or none at all, is refused', async () => {
    const der = await forgeCrl()
    expect(() => parseCrl(Buffer.concat([der, Uint8Array.of(0)]))).toThrow('bytes follow its end')
    expect(() => parseCrl('not a CRL')).toThrow('no CRL in this text')
    expect(() => parseCrl(new Uint8Array())).toThrow(CertctlError)
  })

  it('that is damaged anywhere makes nothing fail but the product’s own error', async () => {
    const der = Buffer.from(await forgeCrl())
    const random = createRandom(20_261_125)
    for (let round = 0; round < 2000; round += 1) {
      const damaged = Buffer.from(der)
      for (let flips = 0; flips <= random.below(3); flips += 1)
        damaged[random.below(damaged.length)] = random.below(256)
      try {
        isCrlOf(parseCrl(damaged.subarray(0, damaged.length - random.below(3))), issuer)
      } catch (error) {
        if (!(error instanceof CertctlError)) throw error
      }
    }
  })
})
