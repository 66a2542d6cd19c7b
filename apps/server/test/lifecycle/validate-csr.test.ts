import { generateKeyPairSync } from 'node:crypto'
import type { GeneralName } from '@certctl/core'
import { createCsr, generateKey } from '@certctl/pki'
import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { type AskedCsr, validateCsr } from '../../src/lifecycle/csr/validate-csr.js'

let key: string
beforeAll(async () => {
  key = (await generateKey('EC-P256')).privateKeyPem
})

const dns = (value: string): GeneralName => ({ type: 'dns', value })
const asked = (names: readonly GeneralName[], more: Partial<AskedCsr> = {}): AskedCsr => ({
  commonName: undefined,
  names,
  keyAlgorithm: 'EC-P256',
  allowsOtherKeys: false,
  ...more,
})
const csrOf = async (names: readonly GeneralName[], commonName?: string) =>
  await createCsr({ privateKeyPem: key, names, commonName })

function fault(work: () => unknown): { code?: string; message?: string } {
  try {
    work()
    return {}
  } catch (error) {
    return error as { code?: string; message?: string }
  }
}

describe('a CSR', () => {
  it('passes with exactly the names asked for, in any order', async () => {
    const csr = await csrOf([dns('b.example'), dns('a.example')])
    expect(validateCsr(csr, asked([dns('a.example'), dns('b.example')])).names).toHaveLength(2)
  })

  it('is refused for a name more, which is named', async () => {
    const csr = await csrOf([dns('a.example'), dns('evil.example')])
    const { code, message } = fault(() => validateCsr(csr, asked([dns('a.example')])))
    expect(code).toBe('identifier_rejected')
    expect(message).toContain('evil.example')
  })

  it('is refused for a name less, which is named', async () => {
    const csr = await csrOf([dns('a.example')])
    const { code, message } = fault(() => validateCsr(csr, asked([dns('a.example'), dns('b.example')])))
    expect(code).toBe('csr_rejected')
    expect(message).toContain('b.example')
  })

  it('is refused for a common name that is a host nobody asked for', async () => {
    const csr = await csrOf([dns('a.example')], 'evil.example')
    expect(fault(() => validateCsr(csr, asked([dns('a.example')])))).toMatchObject({ code: 'identifier_rejected' })
  })

  it('is refused for a common name that is no name of the certificate at all', async () => {
    const csr = await csrOf([dns('a.example')], 'Somebody Else Ltd')
    const { code, message } = fault(() => validateCsr(csr, asked([dns('a.example')])))
    expect(code).toBe('identifier_rejected')
    expect(message).toContain('Somebody Else Ltd')
  })

  it('counts a common name as its name where it has no other', async () => {
    const csr = await csrOf([], 'a.example')
    expect(validateCsr(csr, asked([dns('a.example')]))).toBeDefined()
    expect(fault(() => validateCsr(csr, asked([dns('b.example')])))).toMatchObject({ code: 'identifier_rejected' })
  })

  it('passes with a common name that is the one asked for', async () => {
    const csr = await csrOf([dns('a.example')], 'a.example')
    expect(validateCsr(csr, asked([dns('a.example')], { commonName: 'a.example' }))).toBeDefined()
  })

  it('is refused with an address as DNS name, as old agents write them, and says so', async () => {
    const csr = await csrOf([dns('aaaaaaaaa')])
    const der = Buffer.from(csr.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    der.write('192.0.2.7', der.indexOf('aaaaaaaaa'))
    const old = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    const { code, message } = fault(() => validateCsr(old, asked([{ type: 'ip', value: '192.0.2.7' }])))
    expect(code).toBe('csr_rejected')
    expect(message).toMatch(/192\.0\.2\.7.*IP address/)
  })

  it('is refused with a key of another kind than asked for, unless policy allows others', async () => {
    const csr = await csrOf([dns('a.example')])
    const { code, message } = fault(() => validateCsr(csr, asked([dns('a.example')], { keyAlgorithm: 'RSA-3072' })))
    expect(code).toBe('csr_rejected')
    expect(message).toMatch(/EC-P256.*RSA-3072/)
    const others = asked([dns('a.example')], { keyAlgorithm: 'RSA-3072', allowsOtherKeys: true })
    expect(validateCsr(csr, others)).toBeDefined()
  })

  it('is refused with a weak key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 1024,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    const csr = await createCsr({ privateKeyPem: privateKey, names: [dns('a.example')] })
    const { code, message } = fault(() => validateCsr(csr, asked([dns('a.example')], { allowsOtherKeys: true })))
    expect(code).toBe('csr_rejected')
    expect(message).toContain('1024')
  })

  it('is refused when its signature does not hold', async () => {
    const pem = await csrOf([dns('a.example')])
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    const broken = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
    expect(fault(() => validateCsr(broken, asked([dns('a.example')])))).toMatchObject({ code: 'csr_rejected' })
  })

  it('passes if and only if its names and those asked for are the same set', async () => {
    const pool = ['a.example', 'b.example', 'c.example', '*.example'].map(dns)
    const some = fc.uniqueArray(fc.constantFrom(...pool), { minLength: 1, selector: ({ value }) => value })
    await fc.assert(
      fc.asyncProperty(some, some, async (has, wants) => {
        const csr = await csrOf(has)
        const isSame = has.length === wants.length && has.every((name) => wants.includes(name))
        const { code } = fault(() => validateCsr(csr, asked(wants)))
        expect(code === undefined).toBe(isSame)
      }),
      { numRuns: 60 },
    )
  })
})
