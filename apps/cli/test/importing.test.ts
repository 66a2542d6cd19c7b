import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMaterial, type Material } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type FakeServer, startFakeServer } from './fake-server/serve.js'
import { keys } from './fake-server/world.js'
import { runInTerminal } from './terminal.js'

let home: string
let server: FakeServer
let material: Material
const clock = { now: Date.UTC(2026, 0, 31, 12) }

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'certctl-cli-'))
  server = await startFakeServer(() => clock.now)
  writeFileSync(join(home, 'ca.pem'), server.caPem)
  material = await createMaterial()
})
afterEach(async () => {
  await server.close()
  rmSync(home, { recursive: true })
})

const run = async (...argv: string[]) =>
  await runInTerminal(argv, {
    environment: {
      CERTCTL_SERVER_URL: server.url,
      CERTCTL_API_KEY: keys.admin,
      CERTCTL_SERVER_CA_BUNDLE_PATH: join(home, 'ca.pem'),
    },
    home,
    clock,
  })

function file(name: string, content: string): string {
  const path = join(home, name)
  writeFileSync(path, content)
  return path
}

describe('importing certificates', () => {
  it('takes every leaf of every file, each with the chain of its file, and goes on after one that is refused', async () => {
    const [first, second] = material.leafs
    const good = file('site.pem', first.certificatePem + material.chainPem + second.certificatePem)
    const again = file('again.pem', first.certificatePem)
    const { exitCode, lines } = await run('certificates', 'import', good, again)
    expect(exitCode).toBe(1)
    expect(lines).toEqual([
      expect.stringMatching(/site\.pem \(1\): cert-1/),
      expect.stringMatching(/site\.pem \(2\): cert-2/),
      expect.stringMatching(/again\.pem: This certificate is there already/),
      '2 imported, 1 not',
      '! error: 1 of 3 were not imported',
    ])
    const [asked] = server.world.seen.filter(({ operationId }) => operationId === 'importCertificate')
    expect(asked?.body).toMatchObject({ chain_pem: material.chainPem, environment: 'imported' })
  })

  it.each([
    ['it is too large', 'The body is larger than 1048576 bytes'],
    ['the server is at fault', 'Something went wrong (request id: req-1)'],
  ] as const)('goes on after one of which the server says that %s', async (fault, sentence) => {
    const [first, second] = material.leafs
    const files = [file('a.pem', first.certificatePem), file('b.pem', second.certificatePem)] as const
    server.faults.push(fault)
    const { exitCode, lines } = await run('certificates', 'import', ...files)
    expect(exitCode).toBe(1)
    expect(lines).toEqual([
      `! import: ${files[0]}: ${sentence}`,
      expect.stringMatching(/b\.pem: cert-1/),
      '1 imported, 1 not',
      '! error: 1 of 2 were not imported',
    ])
  })

  it.each([
    ['the key is taken back', 4, 'The API key is not known'],
    ['the server is killed for good', 1, 'whether it was done is not known'],
  ] as const)('stops where %s', async (fault, code, sentence) => {
    const files = material.leafs.map(({ certificatePem }, index) => file(`${index}.pem`, certificatePem))
    server.faults.push(fault)
    const { exitCode, stdout, stderr } = await run('certificates', 'import', ...files)
    expect({ exitCode, stdout }).toEqual({ exitCode: code, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(server.world.seen.length).toBeLessThanOrEqual(1)
  })

  it('says of a file without a certificate, or that is not there, what is wrong with it', async () => {
    const { exitCode, stdout } = await run(
      ...['certificates', 'import', file('chain.pem', material.chainPem), join(home, 'none.pem'), '--json'],
    )
    expect(exitCode).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      imported: 0,
      failed: 2,
      data: [{ error: 'holds no certificate of a server' }, { error: expect.stringContaining('cannot be read') }],
    })
  })

  it('needs a file', async () => {
    expect((await run('certificates', 'import')).exitCode).toBe(2)
  })
})

describe('a CSR', () => {
  it.each(['request --name device', 'renew cert-1'])(
    'that has its private key beside it stays here: %s',
    async (verb) => {
      await run('certificates', 'import', file('site.pem', material.leafs[0].certificatePem))
      const both = file(
        'device.pem',
        `${material.leafs[0].privateKeyPem.reveal()}-----BEGIN CERTIFICATE REQUEST-----\n`,
      )
      const { exitCode, lines } = await run('certificates', ...verb.split(' '), '--csr', both)
      expect(exitCode).not.toBe(0)
      expect(lines.join('\n')).toContain('device.pem holds a private key, which was not sent; give the CSR alone')
      const sent = server.world.seen.map(({ operationId }) => operationId)
      expect(sent).not.toContain('createCertificate')
      expect(sent).not.toContain('renewCertificate')
    },
  )
})
