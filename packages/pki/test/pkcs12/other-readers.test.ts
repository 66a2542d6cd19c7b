import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { encodePkcs12, fingerprintOf, type KeyAlgorithm, keyMatches, splitCertificates } from '../../src/index.js'
import { createPair, type Pair } from './material.js'

const run = (command: string, argv: readonly string[]) =>
  spawnSync(command, argv, {
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  })
const hasOpenssl = run('openssl', ['version']).status === 0
const hasKeytool = run('keytool', ['-help']).status === 0
const isRequired = process.env.CERTCTL_TEST_REAL === 'required'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'certctl-pkcs12-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let count = 0
function keep(file: Uint8Array): string {
  count += 1
  const path = join(directory, `${count}.p12`)
  writeFileSync(path, file, { mode: 0o600 })
  return path
}

const algorithms: readonly KeyAlgorithm[] = ['EC-P256', 'EC-P384', 'EC-P521', 'Ed25519', 'RSA-2048']
// OpenSSL 3 has the old algorithms in a provider of its own.
const cases = algorithms.flatMap((algorithm) => [
  { algorithm, format: 'modern' as const, password: 'päss "wörd" €', legacy: [] },
  { algorithm, format: 'legacy' as const, password: 'päss "wörd"', legacy: ['-legacy'] },
  { algorithm, format: 'modern' as const, password: '', legacy: [] },
  { algorithm, format: 'legacy' as const, password: '', legacy: ['-legacy'] },
])

const describeOpenssl = hasOpenssl || isRequired ? describe : describe.skip
describeOpenssl(hasOpenssl ? 'openssl pkcs12' : 'skipped: openssl is not installed', () => {
  const pairs = new Map<KeyAlgorithm, { root: Pair; leaf: Pair }>()
  beforeAll(async () => {
    for (const algorithm of algorithms) pairs.set(algorithm, await createPair(algorithm))
  })
  const pairOf = (algorithm: KeyAlgorithm) => pairs.get(algorithm) as { root: Pair; leaf: Pair }

  function read(path: string, password: string, ...options: readonly string[]) {
    const passwordFile = join(directory, 'password')
    writeFileSync(passwordFile, `${password}\n`)
    return run('openssl', ['pkcs12', '-in', path, '-passin', `file:${passwordFile}`, '-nodes', ...options])
  }

  it.each(cases)(
    'reads key and chain of $algorithm, $format, password $password',
    async ({ algorithm, format, password, legacy }) => {
      const { root, leaf } = pairOf(algorithm)
      const file = await encodePkcs12({
        certificates: [leaf.der, root.der],
        privateKeyPem: leaf.privateKeyPem,
        password,
        format,
        friendlyName: 'wéb €',
      })
      const { stdout, stderr, status } = read(keep(file), password, ...legacy)
      expect({ status, stderr }).toMatchObject({ status: 0 })
      expect(splitCertificates(stdout).map(fingerprintOf)).toEqual([leaf.der, root.der].map(fingerprintOf))
      const key = stdout.slice(stdout.indexOf('-----BEGIN PRIVATE KEY-----'))
      expect(
        keyMatches(splitCertificates(stdout)[0] ?? '', key.slice(0, key.indexOf('-----END PRIVATE KEY-----') + 25)),
      ).toBe(true)
      const ids = [...stdout.matchAll(/localKeyID: (.*)/g)].map(([, id]) => id?.trim())
      expect(ids).toHaveLength(2)
      expect(ids[0]).toBe(ids[1])
      expect(stdout).toContain('friendlyName:')
    },
  )

  it.each(cases)(
    'reads a trust store of $algorithm, $format, password $password',
    async ({ algorithm, format, password, legacy }) => {
      const { root, leaf } = pairOf(algorithm)
      const file = await encodePkcs12({ certificates: [leaf.der, root.der], password, format })
      const { stdout, status } = read(keep(file), password, ...legacy)
      expect(status).toBe(0)
      expect(splitCertificates(stdout).map(fingerprintOf)).toEqual([leaf.der, root.der].map(fingerprintOf))
      expect(stdout).not.toContain('PRIVATE KEY')
    },
  )

  it('names the algorithms that each format promises', async () => {
    const { root } = pairOf('EC-P256')
    const modern = await encodePkcs12({ certificates: [root.der], password: 'p' })
    const about = read(keep(modern), 'p', '-info', '-noout').stderr
    expect(about).toMatch(/MAC: sha256, Iteration 10000/)
    expect(about).toMatch(/PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/)
    const old = await encodePkcs12({ certificates: [root.der], password: 'p', format: 'legacy' })
    const aboutOld = read(keep(old), 'p', '-info', '-noout', '-legacy').stderr
    expect(aboutOld).toMatch(/MAC: sha1, Iteration 2000/)
    expect(aboutOld).toMatch(/pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2000/)
  })

  it('refuses a wrong password', async () => {
    const file = await encodePkcs12({ certificates: [pairOf('EC-P256').root.der], password: 'right' })
    expect(read(keep(file), 'wrong').status).not.toBe(0)
  })

  it('reads a long chain', async () => {
    const many = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => (await createPair('EC-P256', `n${index}.example.test`)).leaf.der),
    )
    const { stdout, status } = read(keep(await encodePkcs12({ certificates: many, password: 'p' })), 'p')
    expect(status).toBe(0)
    expect(splitCertificates(stdout).map(fingerprintOf)).toEqual(many.map(fingerprintOf))
  })
})

const describeKeytool = hasKeytool || isRequired ? describe : describe.skip
describeKeytool(hasKeytool ? 'keytool' : 'skipped: keytool is not installed', () => {
  // A password that is asked for would be waited for.
  const list = (path: string) =>
    run('keytool', [
      '-list',
      '-v',
      '-keystore',
      path,
      '-storetype',
      'PKCS12',
      '-storepass',
      'changeit',
      '-J-Duser.language=en',
    ])

  it.each(['modern', 'legacy'] as const)('lists every certificate of a %s trust store as trusted', async (format) => {
    const { root, leaf } = await createPair('RSA-2048', 'Root of RSA-2048')
    const { stdout, status } = list(
      keep(await encodePkcs12({ certificates: [leaf.der, root.der], password: 'changeit', format })),
    )
    expect(status).toBe(0)
    expect(stdout.match(/Entry type: trustedCertEntry/g)).toHaveLength(2)
    expect(stdout).toMatch(/Alias name: root of rsa-2048 \(2\)/)
  })

  it.each(['modern', 'legacy'] as const)('lists key and chain of a %s file as one entry', async (format) => {
    const { root, leaf } = await createPair('EC-P256')
    const file = await encodePkcs12({
      certificates: [leaf.der, root.der],
      privateKeyPem: leaf.privateKeyPem,
      password: 'changeit',
      format,
    })
    const { stdout, status } = list(keep(file))
    expect(status).toBe(0)
    expect(stdout).toMatch(/Entry type: PrivateKeyEntry/)
    expect(stdout).toMatch(/Certificate chain length: 2/)
  })
})
