import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GeneralName, IssuanceRequest } from '@certctl/core'
import { createCsr, generateKey, type KeyAlgorithm, parseCertificate, parseGeneralName } from '@certctl/pki'
import { createIssuanceRequest, createTestIssuerHost } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { never, start, valid } from './hosts.js'

/** OpenSSL, by its own strictest reading, as the judge of what this CA issues. */
const openssl = (...argv: readonly string[]) =>
  spawnSync('openssl', argv, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
const isInstalled = openssl('version').status === 0
const isRequired = process.env.CERTCTL_TEST_REAL === 'required'

const caAlgorithms: readonly KeyAlgorithm[] = ['EC-P256', 'EC-P384', 'EC-P521', 'Ed25519', 'RSA-2048']
const keyAlgorithms: readonly KeyAlgorithm[] = ['EC-P256', 'EC-P384', 'EC-P521', 'Ed25519', 'RSA-2048', 'RSA-3072']
const perCa = 40

const nameSets: readonly (readonly string[])[] = [
  ['www.example.test'],
  ['*.example.test', 'example.test'],
  ['bücher.example'],
  ['192.0.2.1'],
  ['2001:db8::1', '::1'],
  ['ops@example.test'],
  ['spiffe://example.test/ns/prod/sa/web'],
  [
    'www.example.test',
    '*.a.example.test',
    '198.51.100.7',
    '2001:db8::2',
    'a@example.test',
    'https://example.test/x',
    'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  ],
  Array.from({ length: 60 }, (_, index) => `h${index}.example.test`),
  [`${'a'.repeat(63)}.${'b'.repeat(63)}.example.test`],
]

const wishes: readonly Partial<IssuanceRequest>[] = [
  { extendedKeyUsages: ['serverAuth'] },
  { extendedKeyUsages: ['serverAuth', 'clientAuth'], mustStaple: true },
  {
    extendedKeyUsages: ['emailProtection'],
    subject: [
      { type: 'C', value: 'AT' },
      { type: 'O', value: 'Ünïted Wörks' },
    ],
  },
  { extendedKeyUsages: ['codeSigning'], keyUsages: ['digitalSignature'] },
]

interface Issued {
  file: string
  pem: string
}

let directory = ''
const keys = new Map<KeyAlgorithm, string>()

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'certctl-openssl-'))
  for (const algorithm of keyAlgorithms) keys.set(algorithm, (await generateKey(algorithm)).privateKeyPem)
})

afterAll(() => {
  rmSync(directory, { recursive: true, force: true })
})

async function issueSome(ca: KeyAlgorithm): Promise<{ caFile: string; issued: readonly Issued[] }> {
  const connector = start(createTestIssuerHost(), { key_algorithm: ca, ca_common_name: `CA ${ca}` })
  const issued: Issued[] = []
  for (let index = 0; index < perCa; index++) {
    const { certificatePem } = await valid(connector.issue(await requestOf(index)))
    const file = join(directory, `${ca}-${index}.pem`)
    writeFileSync(file, certificatePem)
    issued.push({ file, pem: certificatePem })
  }
  const caFile = join(directory, `${ca}.pem`)
  writeFileSync(caFile, ((await connector.caCertificates?.(never)) ?? []).join(''))
  return { caFile, issued }
}

async function requestOf(index: number): Promise<IssuanceRequest> {
  const names: GeneralName[] = (nameSets[index % nameSets.length] ?? []).map(parseGeneralName)
  const privateKeyPem = keys.get(keyAlgorithms[index % keyAlgorithms.length] ?? 'EC-P256') ?? ''
  const base = await createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }] })
  const commonName = names.find(({ type }) => type === 'dns')?.value
  // Every third has no subject at all.
  const subject = index % 3 === 0 ? undefined : commonName
  return {
    ...base,
    ...wishes[Math.floor(index / 3) % wishes.length],
    names,
    commonName: subject,
    csrPem: await createCsr({ privateKeyPem, names }),
  }
}

const suite = isInstalled || isRequired ? describe : describe.skip

suite(isInstalled || isRequired ? 'OpenSSL' : 'skipped: openssl is not installed', () => {
  it.each(caAlgorithms)(
    `accepts ${perCa} certificates of all name and key types under a %s CA, strictly`,
    async (algorithm) => {
      const { caFile, issued } = await issueSome(algorithm)
      const { status, stdout, stderr } = openssl(
        'verify',
        '-x509_strict',
        '-check_ss_sig',
        '-CAfile',
        caFile,
        ...issued.map(({ file }) => file),
      )
      expect(stderr).toBe('')
      expect(
        stdout
          .trim()
          .split('\n')
          .filter((line) => line.endsWith(': OK')),
      ).toHaveLength(perCa)
      expect(status).toBe(0)
    },
    120_000,
  )

  it('finds the host and the address of a certificate, and no other', async () => {
    const { caFile, issued } = await issueSome('EC-P256')
    const mixed = issued[7] ?? { file: '', pem: '' }
    expect(parseCertificate(mixed.pem).names).toHaveLength(7)
    const verify = (...argv: readonly string[]) =>
      openssl('verify', '-x509_strict', ...argv, '-CAfile', caFile, mixed.file).status
    expect(verify('-verify_hostname', 'www.example.test')).toBe(0)
    expect(verify('-verify_hostname', 'x.a.example.test')).toBe(0)
    expect(verify('-verify_ip', '198.51.100.7')).toBe(0)
    expect(verify('-verify_ip', '2001:db8::2')).toBe(0)
    expect(verify('-verify_email', 'a@example.test')).toBe(0)
    expect(verify('-verify_hostname', 'elsewhere.example.test')).not.toBe(0)
    expect(verify('-verify_ip', '198.51.100.8')).not.toBe(0)
  })

  it('refuses a certificate of another CA of the same name', async () => {
    const { caFile } = await issueSome('Ed25519')
    const connector = start(createTestIssuerHost(), { key_algorithm: 'Ed25519', ca_common_name: 'CA Ed25519' })
    const file = join(directory, 'foreign.pem')
    writeFileSync(file, (await valid(connector.issue(await requestOf(0)))).certificatePem)
    expect(openssl('verify', '-x509_strict', '-CAfile', caFile, file).status).not.toBe(0)
  })
})
