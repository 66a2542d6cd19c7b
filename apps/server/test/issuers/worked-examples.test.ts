import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readEnvironment } from '../../src/connectors/read-environment.js'
import { createIssuerScene, type IssuerScene } from './issuer-scene.js'
import { variablesOf } from './printed-configurations.js'

const page = await readFile(fileURLToPath(new URL('../../../../docs/issuers.md', import.meta.url)), 'utf8')
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text)
const environments = blocks('ini').map((text) => ({ text, title: text.split('\n', 1)[0] }))
const bodies = blocks('json').map((text) => ({ text, title: String((JSON.parse(text) as { name: string }).name) }))

let scene: IssuerScene
/** Stands for /etc/certctl. */
let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'certctl-etc-')))
  for (const path of ['scripts', 'stepca']) await mkdir(join(folder, path))
  for (const path of ['scripts/sign', 'cloudflare.token', 'stepca/password', 'vault.secret-id'])
    await writeFile(join(folder, path), 'a-secret\n')
  scene = await createIssuerScene({ CERTCTL_SCRIPTS_DIR: folder })
})
afterAll(async () => {
  await scene?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('the worked examples of docs/issuers.md', () => {
  it('are there for every issuer, in both forms', () => {
    expect(environments.length).toBeGreaterThanOrEqual(8)
    expect(new Set(bodies.map(({ text }) => (JSON.parse(text) as { type: string }).type))).toEqual(
      new Set(['ACME', 'RFC2136', 'StepCA', 'VaultPKI', 'EJBCA', 'OpenSSL']),
    )
  })

  it.each(environments)('are read from the environment: $title', async ({ text }) => {
    const variables = variablesOf(text.replaceAll('/etc/certctl', folder))
    const found = await readEnvironment(scene.app.services, variables)
    const read = new Set(found.flatMap(({ instance }) => Object.values(instance.variables)))
    for (const name of Object.keys(variables)) expect(read).toContain(name.replace(/_FILE$/, ''))
  })

  it.each(bodies)('are taken by the API: $title', async ({ text }) => {
    const body = JSON.parse(text.replaceAll('/etc/certctl', folder)) as { type: string }
    const path = body.type === 'RFC2136' ? '/api/v1/dns-providers' : '/api/v1/issuers'
    const answer = await scene.app.admin('POST', path, body)
    expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 201 })
    expect(answer.json).toMatchObject({ available: true })
  })

  it('name no variable that nobody reads', () => {
    const { registry } = scene.app.services
    const offered = [...registry.list('issuer'), ...registry.list('dns')]
      .flatMap(({ definition }) => definition.environment ?? [])
      .flatMap(({ variables }) => Object.values(variables))
    const others = [
      'CERTCTL_SCRIPTS_DIR',
      'CERTCTL_DNS_FQDN',
      'CERTCTL_DNS_VALUE',
      'CERTCTL_DNS_DOMAIN',
      'CERTCTL_DNS_TOKEN',
    ]
    const named = [...page.matchAll(/CERTCTL_[A-Z0-9_]+/g)].map(([name]) => name.replace(/_FILE$/, ''))
    expect(named.filter((name) => !offered.includes(name) && !others.includes(name))).toEqual([])
  })
})
