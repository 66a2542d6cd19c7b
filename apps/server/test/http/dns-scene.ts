import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CertctlError,
  createRegistry,
  type DnsConnector,
  defineDns,
  defineIssuer,
  type Host,
  type IssuerHost,
  type Registry,
  scriptPath,
  secret,
  z,
} from '@certctl/core'
import { type Answer, createTestApp, type TestApp } from './test-app.js'

/** A zone that lives here, and a program that would be run. */
function zonesDefinition(seen: Seen) {
  return defineDns({
    type: 'Zones',
    aliases: ['zone-file'],
    displayName: 'Zones of the tests',
    configSchema: z.strictObject({
      zone: z.string().describe('Zone that is written.'),
      token: secret().optional().describe('Credential.'),
      script: scriptPath().optional().describe('Program that is run.'),
    }),
    environment: [
      {
        id: 'dns-zones',
        name: 'Zones',
        when: 'CERTCTL_ZONES',
        variables: { zone: 'CERTCTL_ZONES', script: 'CERTCTL_ZONES_SCRIPT' },
      },
    ],
    capabilities: {},
    create: (config, host) => connectorOf({ config, host, seen }),
  })
}

export interface Seen {
  records: string[]
  closed: string[]
  hosts: Host[]
}

function connectorOf({
  config,
  host,
  seen,
}: {
  config: { zone: string; token?: { reveal(): string } | undefined }
  host: Host
  seen: Seen
}): DnsConnector {
  seen.hosts.push(host)
  return {
    async present({ name, value }) {
      await host.state.put('last', value)
      host.log.info('presented', { token: config.token?.reveal() })
      if (value === 'too many')
        throw new CertctlError('rate_limited', 'The zone takes no more for now', { retryAfterSeconds: 60 })
      if (value === 'refused') throw new Error(`the zone refuses ${config.token?.reveal()}`)
      seen.records.push(`${config.zone} ${name} ${value}`)
    },
    async cleanUp({ name, value }) {
      seen.records.splice(seen.records.indexOf(`${config.zone} ${name} ${value}`), 1)
    },
    async test() {
      if (config.zone === 'broken.test') throw new Error(`nobody answers for ${config.token?.reveal()}`)
      return { detail: `${config.zone} can be written` }
    },
    close: async () => void seen.closed.push(config.zone),
  }
}

/** Hands its host to the test. */
function issuerDefinition(hosts: Map<string, IssuerHost>) {
  return defineIssuer({
    type: 'Prover',
    displayName: 'A CA that wants proof',
    configSchema: z.strictObject({
      dns_provider: z.string().optional().describe('Who writes records.'),
      hook: scriptPath().optional().describe('Program that is run.'),
      hooks: z.array(scriptPath()).optional().describe('Further programs.'),
    }),
    environment: [
      { id: 'iss-prover', name: 'Prover', when: 'CERTCTL_PROVER_HOOK', variables: { hook: 'CERTCTL_PROVER_HOOK' } },
    ],
    capabilities: { operations: [], names: ['dns'], honours: [], revocationReasons: [], metered: false },
    create(_, host) {
      hosts.set(host.instance.id, host)
      return { issue: async () => ({ status: 'invalid' as const, orderId: 'x', reason: 'a fake' }) }
    },
  })
}

export interface DnsScene {
  readonly app: TestApp
  readonly seen: Seen
  /** Of issuers that were opened. */
  readonly hosts: Map<string, IssuerHost>
  /** With programs in `scripts`, below it and beside it. */
  readonly folder: string
  registry(): Registry
  addIssuer(config?: object, id?: string): Promise<Answer>
  hostOf(id?: string): Promise<IssuerHost>
  close(): Promise<void>
}

export const dnsPath = '/api/v1/dns-providers'
export const internal = {
  id: 'dns-int',
  name: 'Internal',
  type: 'zone-file',
  config: { zone: 'a.test', token: 'canary-dns-token' },
}

/** A server with an issuer that wants proof by DNS, a DNS provider, and a directory for scripts. */
export async function createDnsScene(): Promise<DnsScene> {
  const seen: Seen = { records: [], closed: [], hosts: [] }
  const hosts = new Map<string, IssuerHost>()
  const folder = await folderOfScripts()
  const registry = (): Registry => {
    const made = createRegistry()
    made.add({ kind: 'dns', definition: zonesDefinition(seen), package: 'dns-zones', version: '1' })
    made.add({ kind: 'issuer', definition: issuerDefinition(hosts), package: 'issuer-prover', version: '1' })
    return made
  }
  const environment = { CERTCTL_SCRIPTS_DIR: join(folder, 'scripts') }
  const app = await createTestApp({ registry: registry(), environment })
  return {
    app,
    seen,
    hosts,
    folder,
    registry,
    addIssuer: async (config = {}, id = 'iss-one') =>
      await app.admin('POST', '/api/v1/issuers', { id, name: id, type: 'Prover', config }),
    async hostOf(id = 'iss-one') {
      await app.services.connections.issuer(id)
      const host = hosts.get(id)
      if (host === undefined) throw new Error(`${id} was not opened`)
      return host
    },
    async close() {
      await app.close()
      await rm(folder, { recursive: true })
    },
  }
}

async function folderOfScripts(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'certctl-scripts-')))
  await mkdir(join(folder, 'scripts', 'deeper'), { recursive: true })
  for (const path of ['scripts/in.sh', 'scripts/deeper/in.sh', 'out.sh']) {
    await writeFile(join(folder, path), '#!/bin/true\n')
    await chmod(join(folder, path), 0o755)
  }
  return folder
}
