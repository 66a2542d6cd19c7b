import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, type DnsWorld, unusedPort } from '@certctl/testing'

const run = promisify(execFile)
const home = process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real'
const folders = [join(home, 'bin'), '/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin', '/opt/homebrew/sbin']

const find = (program: string) => folders.map((folder) => join(folder, program)).find(existsSync)

/** Where BIND is; `undefined`: not all of it is installed here. */
export const bindPrograms = (() => {
  const [named, dig, nsupdate] = ['named', 'dig', 'nsupdate'].map(find)
  return named === undefined || dig === undefined || nsupdate === undefined ? undefined : { named, dig, nsupdate }
})()

/** Keys of every algorithm; the longest has the name of the algorithm. */
export const keys = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512', 'hmac-sha224', 'hmac-sha1', 'hmac-md5'].map(
  (algorithm) => ({
    name: `certctl-${algorithm}`,
    algorithm,
    secret: Buffer.from(`secret of the key for ${algorithm}, as long as it should be`).toString('base64'),
  }),
)
const [firstKey] = keys

export interface NamedProcess {
  readonly port: number
  readonly directory: string
  /** What a provider is told about this server. */
  readonly config: Readonly<Record<string, unknown>>
  /** A world of zones without TXT records over this server. */
  createWorld(): Promise<DnsWorld>
  values(name: string): Promise<string[]>
  /** Every record of the zones, one a line, sorted; without what changes by itself (SOA). */
  records(): Promise<string[]>
  /** Commands for nsupdate, with the rights of the owner of the zones. */
  asOwner(commands: readonly string[]): Promise<void>
  log(): Promise<string>
  stop(): Promise<void>
}

export interface NamedOptions {
  /** What its zones say is the address of their server. It is a resolver for this machine, too, then. */
  publicAddress?: string | undefined
}

/**
 * A real BIND with a folder, a port and a pid of its own. It is the primary of example.test and child.example.test; delegated.example.test is
 * somebody else's, and frozen.test takes no updates. The keys may change TXT records only.
 */
export async function startNamed(
  { named, dig, nsupdate }: NonNullable<typeof bindPrograms>,
  { publicAddress }: NamedOptions = {},
): Promise<NamedProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-named-'))
  await chmod(directory, 0o755)
  const port = await unusedPort()
  await writeFile(join(directory, 'named.conf'), configurationOf(directory, port, publicAddress))
  for (const zone of zones) await writeFile(join(directory, `${zone}.db`), zoneFile(zone, publicAddress))
  const child = spawn(named, ['-g', '-4', '-c', join(directory, 'named.conf')], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const exited = once(child, 'exit')

  const ask = async (...words: string[]): Promise<string> =>
    (await run(dig, ['@127.0.0.1', '-p', String(port), '+tcp', '+norecurse', '+time=50', '+tries=1', ...words])).stdout
  const values = async (name: string): Promise<string[]> => textsIn(await ask('+short', 'TXT', `${name}.`))
  const asOwner = async (commands: readonly string[]): Promise<void> => {
    const lines = [`server 127.0.0.1 ${port}`, `key hmac-sha256:owner ${ownerSecret}`, ...commands, 'send', '']
    const updating = run(nsupdate, ['-v'])
    updating.child.stdin?.end(lines.join('\n'))
    await updating
  }
  const records = async (): Promise<string[]> => {
    const transfers = zones.flatMap((zone) => ['AXFR', zone])
    const text = await ask('-y', `hmac-sha256:owner:${ownerSecret}`, '+noall', '+answer', ...transfers)
    const lines = text.split('\n').filter((line) => /\sIN\s(?!SOA\s)/.test(line))
    return lines.map((line) => line.replace(/\s+/g, ' ')).sort()
  }
  const names = async (): Promise<string[]> => {
    const owners = (await records()).flatMap((line) => /^(\S+)\. \d+ IN TXT /.exec(line)?.[1] ?? [])
    return [...new Set(owners)]
  }
  const config = {
    server: '127.0.0.1',
    port,
    tsig_key_name: firstKey?.name,
    tsig_secret: firstKey?.secret,
    tsig_algorithm: firstKey?.algorithm,
  }

  await untilServing(
    async () => said.includes(' running') && (await ask('+short', 'SOA', 'example.test')).includes('ns1'),
  )
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(() => new Date()), log })
  return {
    port,
    directory,
    config,
    values,
    records,
    asOwner,
    log: async () => said,
    async createWorld() {
      for (const name of await names()) await asOwner([`update delete ${name}. TXT`])
      return {
        host,
        config: { port },
        values,
        names,
        plant: (name, planted) => asOwner(planted.map((value) => `update add ${name}. 300 TXT ${quoted(value)}`)),
        sweep: false,
      }
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const zones = ['example.test', 'child.example.test', 'frozen.test']
const ownerSecret = Buffer.from('whoever owns these zones may do anything').toString('base64')

function configurationOf(directory: string, port: number, publicAddress: string | undefined): string {
  const all = [
    ...keys,
    { name: 'owner', algorithm: 'hmac-sha256', secret: ownerSecret },
    { ...keys[0], name: 'no-rights' },
  ]
  const statements = all.map(
    ({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
  )
  const grants = keys.map(({ name }) => `grant ${name} zonesub TXT;`)
  const zone = (name: string) => `zone "${name}" {
  type primary;
  file "${directory}/${name}.db";
  ${name === 'frozen.test' ? 'allow-update { none; };' : `update-policy { grant owner zonesub ANY; ${grants.join(' ')} };`}
};`
  return `options {
  directory "${directory}";
  pid-file "${directory}/named.pid";
  session-keyfile "${directory}/session.key";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion ${publicAddress === undefined ? 'no' : 'yes'};
  allow-recursion { 127.0.0.1; };
  dnssec-validation no;
  allow-transfer { key owner; };
  notify no;
};
controls { };
${statements.join('\n')}
${zones.map(zone).join('\n')}
`
}

function zoneFile(zone: string, publicAddress = '127.0.0.1'): string {
  const delegation =
    zone === 'example.test'
      ? 'child NS ns1.example.test.\ndelegated NS ns.elsewhere.invalid.\nalias CNAME led-here\nacross CNAME led-here.child.example.test.\n'
      : ''
  return `$TTL 60
@ SOA ns1.example.test. hostmaster.example.test. 1 3600 600 86400 60
@ NS ns1.example.test.
${zone === 'example.test' ? `ns1 A ${publicAddress}\n` : ''}${delegation}`
}

/** The values that dig prints: character strings in quotes, one record a line; bytes that are no plain characters as \DDD. */
function textsIn(printed: string): string[] {
  const lines = printed.split('\n').filter((line) => line.startsWith('"'))
  return lines.map((line) =>
    [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)]
      .map(([, string = '']) =>
        string.replace(/\\(\d{3}|.)/g, (_, code: string) =>
          code.length === 3 ? String.fromCharCode(Number(code)) : code,
        ),
      )
      .join(''),
  )
}

function quoted(value: string): string {
  const strings = value.match(/.{1,255}/g) ?? ['']
  return strings.map((string) => `"${string.replace(/["\\]/g, '\\$&')}"`).join(' ')
}

async function untilServing(holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 1000; looks += 1) {
    if (await holds().catch(() => false)) return
    await pause(50)
  }
  throw new Error('named did not start within fifty seconds')
}
