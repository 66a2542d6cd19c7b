/**
 * Somebody outside of this workspace writes a target package, with nothing but what is published, and an operator installs it: no
 * change to server or agent. Then the same package again, which brings an older zod of its own.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fingerprintOf } from '@certctl/pki'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Canary, findCanaries, randomCanary } from './harness/canary.js'
import { type ControlPlane, startControlPlane } from './harness/control-plane.js'
import { filesAsHaystacks, tablesAsHaystacks } from './harness/haystacks.js'
import { needs } from './harness/needs.js'
import { installInto, isInstalled, packPackages, runIn } from './harness/npm-project.js'
import { root } from './harness/paths.js'
import { startPostgres, type TestPostgres } from './harness/postgres.js'
import { startSniServer } from './harness/sni-server.js'
import { startAgent, type TestAgent } from './harness/test-agent.js'
import { until } from './harness/until.js'
import { shakeHands } from './harness/watch-endpoint.js'

const whole = needs({ pnpm: isInstalled('pnpm'), npm: isInstalled('npm') })
const olderZod = '4.1.5'

describe("a stranger's target package", () => {
  let folder: string
  let demo: string
  let connectors: string
  let postgres: TestPostgres
  let plane: ControlPlane
  let agent: TestAgent
  let web: { port: number; close(): void }
  let testOutput: string

  beforeAll(async () => {
    if (whole.skip) return
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'certctl-stranger-')))
    demo = join(folder, 'demo')
    connectors = join(folder, 'connectors')
    const published = await packPackages(['core', 'pki', 'kit', 'testing'], join(folder, 'published'))
    await runIn(root, ['pnpm', '--silent', 'new:connector', 'target', 'demo', '--out', demo])
    finishDemo(demo)
    await installInto(demo, published, ['--no-save'])
    testOutput = await runIn(demo, ['npm', 'test'])
    const older = makeOlder(demo, join(folder, 'older'))
    const own = join(folder, 'own')
    mkdirSync(own)
    await runIn(demo, ['npm', 'pack', '--pack-destination', own])
    await runIn(older, ['npm', 'pack', '--pack-destination', own])
    const used = published.filter((path) => !path.includes('testing'))
    const made = ['certctl-target-demo-0.1.0.tgz', 'certctl-target-demo-older-0.1.0.tgz'].map((name) => join(own, name))
    await installInto(connectors, [...used, ...made])

    postgres = await startPostgres()
    const env = { CERTCTL_CONNECTORS_DIR: connectors }
    plane = await startControlPlane({ folder, databaseUrl: postgres.url, env })
    agent = await startAgent({ folder: join(folder, 'agent'), name: 'edge', plane, env, commands: [['/bin/true']] })
    mkdirSync(join(folder, 'web'))
    web = await startSniServer(join(folder, 'web'))
  }, 2_400_000)

  afterAll(async () => {
    if (whole.skip) return
    web?.close()
    await agent?.running.stop()
    await plane?.stop()
    await postgres?.stop()
    rmSync(folder, { recursive: true, force: true })
  }, 600_000)

  /** Where the demonstration's files go, and what every target of its kind is told. */
  function siteOf(name: string) {
    const place = join(folder, 'web', name)
    mkdirSync(place, { recursive: true })
    return {
      cert_path: join(place, 'fullchain.pem'),
      key_path: join(place, 'key.pem'),
      validate_command: '/bin/true',
      reload_command: '/bin/true',
      endpoints: [{ host: '127.0.0.1', port: web.port, serverName: name }],
    }
  }

  async function typeListed(type: string) {
    return await until(`${type} is listed`, 300, async () => {
      const { body } = await plane.api.listConnectorTypes({ query: { kind: 'target' } })
      return body.data.find((known) => known.type === type)
    })
  }

  /** Asks for a certificate there and waits for the handshake that shows it. */
  async function isServed(name: string, targetId: string): Promise<void> {
    const id = name.replaceAll('.', '-')
    await plane.api.createCertificate({
      body: { id, name, sans: [name], issuer_id: 'iss-local', target_ids: [targetId] },
    })
    await until(`${name} is served`, 600, async () => {
      const { body } = await plane.api.listCertificatePlacements({ params: { id } })
      return body.data[0]?.state === 'served' ? true : undefined
    })
    const leaf = readFileSync(join(folder, 'web', name, 'fullchain.pem'), 'utf8')
    expect(await shakeHands(web.port, name)).toBe(fingerprintOf(leaf))
  }

  whole.test('builds on the packed tarballs alone and keeps every law', async () => {
    expect(testOutput).toMatch(/^(# |ℹ )fail 0$/m)
    expect(Number(/^(?:# |ℹ )pass (\d+)$/m.exec(testOutput)?.[1])).toBeGreaterThan(10)
    for (const name of ['core', 'kit', 'pki']) {
      const manifest = readFileSync(join(connectors, 'node_modules', '@certctl', name, 'package.json'), 'utf8')
      expect(manifest).not.toMatch(/workspace:|catalog:|@certctl\/source/)
    }
  })

  whole.test(
    'is found, listed, configured over the API and used',
    async () => {
      const listed = await typeListed('demo')
      expect(listed).toMatchObject({
        kind: 'target',
        package: 'certctl-target-demo',
        version: '0.1.0',
        where: [agent.id],
      })
      expect(Object.keys(listed.schema.properties as object)).toEqual(
        expect.arrayContaining(['cert_path', 'key_path', 'reload_command', 'endpoints', 'grace']),
      )
      const name = 'demo.stranger.test'
      const body = { id: 'demo', name: 'Demo', type: 'demo', agent_id: agent.id, config: siteOf(name) }
      await plane.api.createTarget({ body })
      await expect(
        plane.api.createTarget({ body: { ...body, id: 'wrong', name: 'wrong', config: { cert_path: 7 } } }),
      ).rejects.toMatchObject({ code: 'config_invalid' })
      await isServed(name, 'demo')
    },
    1_200_000,
  )

  whole.test(
    'keeps its secrets secret although it brings an older zod of its own',
    async () => {
      const nested = join(
        connectors,
        'node_modules',
        'certctl-target-demo-older',
        'node_modules',
        'zod',
        'package.json',
      )
      expect(JSON.parse(readFileSync(nested, 'utf8'))).toMatchObject({ version: olderZod })
      const known = await typeListed('demo-older')
      expect(known.schema.properties).toMatchObject({
        password: { 'x-certctl': 'secret', description: expect.any(String) },
        token: { 'x-certctl': 'secret' },
        accounts: { items: { properties: { password: { 'x-certctl': 'secret' } } } },
      })

      const name = 'older.stranger.test'
      const canaries: Canary[] = ['password', 'token', 'account'].map((field) => ({
        name: field,
        value: randomCanary(),
      }))
      const [password = '', token = '', account = ''] = canaries.map(({ value }) => String(value))
      const told = join(folder, 'told')
      const config = {
        ...siteOf(name),
        password,
        token,
        accounts: [{ name: 'root', password: account }],
        told_path: told,
      }
      const masked = { password: '********', token: '********', accounts: [{ name: 'root', password: '********' }] }
      const { body: created } = await plane.api.createTarget({
        body: { id: 'older', name: 'Older', type: 'demo-older', agent_id: agent.id, config },
      })
      expect(created.config).toMatchObject(masked)
      await isServed(name, 'older')
      const { body: read } = await plane.api.getTarget({ params: { id: 'older' } })
      expect(read.config).toMatchObject({ ...masked, cert_path: config.cert_path })
      await plane.api.updateTarget({ params: { id: 'older' }, body: { config: { ...read.config, key_mode: '0640' } } })
      const hashes = [password, token, account].map((text) => createHash('sha256').update(text).digest('hex'))
      await until('it was deployed again, with the secrets behind the masks', 600, () => {
        const lines = readFileSync(told, 'utf8').trim().split('\n')
        for (const line of lines) expect(JSON.parse(line)).toEqual(hashes)
        return lines.length > 1 ? true : undefined
      })

      const rows = await postgres.query<{ sealed: boolean }>(
        "select secrets is not null as sealed from targets where id = 'older'",
      )
      expect(rows).toEqual([{ sealed: true }])
      // What an agent or a server writes and removes while it runs cannot be read.
      await agent.running.stop()
      for (const copy of plane.copies) await copy.running.stop()
      const haystacks = [
        ...(await tablesAsHaystacks(postgres)),
        ...filesAsHaystacks(join(folder, 'agent')),
        ...filesAsHaystacks(join(folder, 'copy-1')),
        { place: 'log of the server', bytes: readFileSync(join(folder, 'copy-1.log')) },
        { place: 'answers', bytes: Buffer.from(JSON.stringify([created, read])) },
      ]
      expect(haystacks.length).toBeGreaterThan(30)
      expect(findCanaries(canaries, haystacks)).toEqual([])
    },
    2_400_000,
  )
})

describe('programs and common packages', () => {
  const grep = async (word: string) =>
    (
      await runIn(root, ['git', 'grep', '-il', word, '--', 'apps/*/src/*', 'packages/core/src', 'packages/kit/src'])
    ).trim()

  it('name no product that a connector is for', async () => {
    expect((await grep('CertctlError')).split('\n').length).toBeGreaterThan(20)
    await expect(grep('nginx')).rejects.toThrow(/failed:\s*$/)
  })
})

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the template does not say "${from}" any more`)
  return text.replaceAll(from, to)
}

/** What is left to do after `pnpm new:connector`: saying what the model was compared with. */
function finishDemo(folder: string): void {
  const model = join(folder, 'test', 'fake-demo.ts')
  const text = readFileSync(model, 'utf8')
  writeFileSync(model, replaced(text, 'comparedWith: string | undefined = undefined', "comparedWith = 'demo 1.0'"))
}

/** The built package under another name, with a schema made by its own zod around our fields, and secrets in it. */
function makeOlder(demo: string, folder: string): string {
  cpSync(join(demo, 'build', 'src'), join(folder, 'build', 'src'), { recursive: true })
  const manifest = JSON.parse(readFileSync(join(demo, 'package.json'), 'utf8')) as Record<string, object>
  const { devDependencies: _, scripts: __, ...rest } = manifest
  const dependencies = { ...manifest.dependencies, zod: olderZod }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ ...rest, name: 'certctl-target-demo-older', dependencies }),
  )
  const path = join(folder, 'build', 'src', 'index.js')
  const fields = `z.strictObject({
    password: secret().describe('A secret.'),
    token: secret().optional().describe('Another one, which may be left out.'),
    accounts: z.array(z.strictObject({ name: z.string(), password: secret() })).describe('Secrets in a list.'),
    told_path: readPath().describe('Where hashes of the secrets are written to.'),`
  let text = readFileSync(path, 'utf8')
  text = replaced(text, 'filePath, z } from', 'filePath, readPath, secret } from')
  text = replaced(text, "type: 'demo'", "type: 'demo-older'")
  text = replaced(text, 'z.strictObject({', fields)
  text = replaced(
    text,
    'requirePair(certificatePem, privateKeyPem);',
    'tell(config); requirePair(certificatePem, privateKeyPem);',
  )
  writeFileSync(
    path,
    `import { createHash } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { z } from 'zod'
${text}
function tell({ password, token, accounts, told_path }) {
  const secrets = [password, token, ...accounts.map((account) => account.password)]
  const hashes = secrets.map((secret) => createHash('sha256').update(secret.reveal()).digest('hex'))
  appendFileSync(told_path, JSON.stringify(hashes) + '\\n')
}
`,
  )
  return folder
}
