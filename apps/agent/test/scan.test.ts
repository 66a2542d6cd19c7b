import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodePem, generateKey, parseCertificate } from '@certctl/pki'
import { createMaterial, type Material } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { eventually } from './eventually.js'
import { createScene, type Scene } from './start-agent.js'

let scene: Scene
let certs: string
let material: Material

beforeEach(async () => {
  scene = await createScene()
  material = await createMaterial()
  certs = join(scene.directory, 'certs')
  await mkdir(join(certs, 'deeper'), { recursive: true })
  scene.environment.CERTCTL_DISCOVERY_DIRS = certs
})
afterEach(() => scene.close())

const reports = () => scene.server.state.discoveries
const found = () => reports().flatMap((report) => report.certificates ?? [])
const complete = () => reports().some((report) => report.complete === true)

async function scan() {
  const running = await scene.start()
  await eventually('the search is complete', complete)
  return running
}

describe('a search', () => {
  it('finds certificates in PEM and DER, in every directory, and says where', async () => {
    const [one, two] = material.leafs
    await writeFile(join(certs, 'site.pem'), one.certificatePem + one.chainPem)
    await writeFile(join(certs, 'deeper', 'other.der'), parseCertificate(two.certificatePem).der)
    await writeFile(join(certs, 'windows.crt'), parseCertificate(two.certificatePem).der)
    await scan()
    expect(found()).toHaveLength(4)
    const { serialNumber, subjectText, issuerText, notBefore, notAfter, pem } = parseCertificate(one.certificatePem)
    expect(found()).toContainEqual({
      fingerprint_sha256: one.fingerprint,
      common_name: 'www.example.test',
      sans: ['www.example.test', 'localhost'],
      serial_number: serialNumber,
      subject_dn: subjectText,
      issuer_dn: issuerText,
      not_before: notBefore.toISOString(),
      not_after: notAfter.toISOString(),
      key_algorithm: 'ECDSA',
      key_size: 256,
      is_ca: false,
      pem_data: pem,
      source_path: join(certs, 'site.pem'),
      source_format: 'PEM',
    })
    expect(
      found()
        .filter((one) => one.source_format === 'DER')
        .map((one) => one.source_path)
        .sort(),
    ).toEqual([join(certs, 'deeper', 'other.der'), join(certs, 'windows.crt')].sort())
    expect(found().find((one) => one.is_ca)).toBeDefined()
  })

  it('opens no key files, sends no keys, and passes by what is no certificate', async () => {
    const { privateKeyPem } = await generateKey('EC-P256')
    await writeFile(join(certs, 'site.key'), material.leafs[0].certificatePem)
    await writeFile(join(certs, 'README'), material.leafs[0].certificatePem)
    await writeFile(join(certs, 'notes.txt'), 'no certificate here')
    await writeFile(join(certs, 'bundle.pem'), privateKeyPem + material.leafs[0].certificatePem)
    await writeFile(join(certs, 'big.pem'), material.leafs[0].certificatePem + '\n'.repeat(1024 * 1024))
    await scan()
    expect(found().map((one) => one.source_path)).toEqual([join(certs, 'bundle.pem')])
    expect(JSON.stringify(reports())).not.toContain('PRIVATE KEY')
    expect(reports().flatMap((report) => report.errors ?? [])).toEqual([])
  })

  it('is not hidden by one file that cannot be read, and names it', async () => {
    await writeFile(join(certs, 'broken.pem'), encodePem('CERTIFICATE', new Uint8Array([0x30, 0x03, 0x02, 0x01])))
    await writeFile(join(certs, 'good.pem'), material.leafs[0].certificatePem)
    await writeFile(join(certs, 'garbage.der'), 'garbage')
    await scan()
    expect(found()).toHaveLength(1)
    const errors = reports().flatMap((report) => report.errors ?? [])
    expect(errors.some((line) => line.startsWith(join(certs, 'broken.pem')))).toBe(true)
    expect(errors.some((line) => line.startsWith(join(certs, 'garbage.der')))).toBe(true)
  })

  it('of a directory that is not there is a problem, and complete', async () => {
    await scene.start({ CERTCTL_DISCOVERY_DIRS: `${certs},${join(scene.directory, 'absent')}` })
    await eventually('the search is complete', complete)
    expect(reports().flatMap((report) => report.errors ?? [])).toEqual([expect.stringContaining('absent')])
  })

  it('does not follow links round in circles', async () => {
    await symlink(certs, join(certs, 'deeper', 'loop'))
    await writeFile(join(certs, 'good.pem'), material.leafs[0].certificatePem)
    await scan()
    expect(found()).toHaveLength(1)
  })

  it('is told in batches below a mebibyte, of which only the last is complete', async () => {
    const bundle = Array.from({ length: 400 }, () => material.leafs[0].certificatePem).join('')
    for (const name of ['a.pem', 'b.pem', 'c.pem']) await writeFile(join(certs, name), bundle)
    await scan()
    expect(found()).toHaveLength(1200)
    expect(reports().length).toBeGreaterThan(1)
    for (const report of reports()) expect(JSON.stringify(report).length).toBeLessThan(1024 * 1024)
    expect(reports().map((report) => report.complete)).toEqual([
      ...reports()
        .slice(1)
        .map(() => false),
      true,
    ])
    expect(reports().map((report) => report.batch)).toEqual(reports().map((_, index) => index))
    expect(new Set(reports().map((report) => report.scan_id)).size).toBe(1)
  })

  it('can be asked for by a job, which says what came of it', async () => {
    await writeFile(join(certs, 'good.pem'), material.leafs[0].certificatePem)
    await scan()
    const job = scene.server.state.queue({ kind: 'scan' })
    const report = await eventually('a report', () => job.report)
    expect(report).toMatchObject({ outcome: 'done', detail: '1 certificates in 1 directories; 0 could not be read' })
    expect(reports()).toHaveLength(2)
  })

  it('comes again after its interval', async () => {
    await chmod(certs, 0o755)
    await scene.start({ CERTCTL_DISCOVERY_INTERVAL: '1s' })
    await eventually('two searches', () => new Set(reports().map((report) => report.scan_id)).size >= 2)
  })

  it('is not made where no directories are named', async () => {
    const running = await scene.start({ CERTCTL_DISCOVERY_DIRS: '' })
    await eventually(
      'heartbeats',
      () => scene.server.state.calls.filter((call) => call === 'agentHeartbeat').length > 1,
    )
    expect(reports()).toEqual([])
    await running.stop()
  })
})
