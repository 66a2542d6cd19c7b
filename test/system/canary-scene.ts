import { createPrivateKey, randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, operations, type WireAnswer, type WireRequest } from '@certctl/api'
import { createFileStateStore } from '@certctl/kit'
import { type Canary, type Haystack, randomCanary } from './harness/canary.js'
import { installCarelessTarget, writeTellingCommand } from './harness/careless-target.js'
import { type Api, type ControlPlane, sender, startControlPlane } from './harness/control-plane.js'
import { filesAsHaystacks } from './harness/haystacks.js'
import { startPostgres, type TestPostgres } from './harness/postgres.js'
import { type Receiver, startReceiver } from './harness/receiver.js'
import { startSniServer } from './harness/sni-server.js'
import { startAgent, type TestAgent } from './harness/test-agent.js'
import { until } from './harness/until.js'

/** Secrets that an operator gives, and where each of them belongs. */
export const given = {
  encryptionKey: { value: `${randomCanary()}-${randomCanary()}`, mayBeIn: /\/given\/encryption-key$/ },
  databasePassword: { value: randomCanary(), mayBeIn: /^environ of the server$/ },
  environmentUrl: { value: randomCanary(), mayBeIn: /^environ of the server$/ },
  environmentSecret: { value: randomCanary(), mayBeIn: /\/given\/webhook-secret$/ },
  environmentSecondSecret: { value: randomCanary(), mayBeIn: /^environ of the server$/ },
  notifierUrl: { value: randomCanary() },
  notifierSecret: { value: randomCanary() },
  notifierSecondSecret: { value: randomCanary() },
  literal: { value: randomCanary() },
  fromFile: { value: randomCanary(), mayBeIn: /\/given\/from-file$/ },
  fromVariable: { value: randomCanary(), mayBeIn: /^environ of the agent$/ },
  account: { value: randomCanary() },
  // Sent where they are refused.
  refused: { value: randomCanary() },
  tooShort: { value: randomCanary(8) },
} satisfies Record<string, { value: string; mayBeIn?: RegExp }>

/** The target's secrets, in the order in which the connector tells their hashes. */
export const targetSecrets = [given.literal, given.fromFile, given.fromVariable, given.account].map(
  ({ value }) => value,
)

export interface Scene {
  folder: string
  site: { name: string; place: string; mode: string; told: string; seen: string; command: string }
  postgres: TestPostgres
  /** With the canary as its password. */
  databaseUrl: string
  plane: ControlPlane
  agent: TestAgent
  receiver: Receiver
  webPort: number
  /** Every answer that was given to `as` and `send`. */
  answers: Haystack[]
  /** Logs of processes that did not get far. */
  otherLogs: Haystack[]
  /** Secrets that the product made. */
  made: Map<string, Canary>
  api: Api
  as(key: string): Api
  send(key: string): (request: WireRequest) => Promise<WireAnswer>
  stop(): Promise<void>
}

export async function startScene(): Promise<Scene> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'certctl-canary-')))
  const site = prepareSite(folder)
  const postgres = await startPostgres()
  const databaseUrl = await withPassword(postgres, given.databasePassword.value)
  const receiver = await startReceiver()
  const plane = await startControlPlane({ folder, databaseUrl, env: serverSettings(folder, receiver) })
  const web = await startSniServer(join(folder, 'web'))
  const answers: Haystack[] = []
  const send = recordingSender(plane, answers)
  const as = (key: string) => createClient(operations, send(key))
  const api = as(plane.adminKey)
  const { body: token } = await api.createJoinToken({ body: { agent_name: 'edge' } })
  const agent = await joinAgent({ folder, plane, site, token: token.token })
  const made = new Map<string, Canary>()
  keepMade(made, { plane, token: token.token })
  made.set('agent key', { name: 'agent key', value: await agentKeyOf(folder) })
  return {
    ...{ folder, site, postgres, databaseUrl, plane, agent, receiver, webPort: web.port, answers, made, api, as, send },
    otherLogs: [],
    async stop() {
      web.close()
      receiver.close()
      await agent.running.stop()
      await plane.stop()
      await postgres.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function prepareSite(folder: string): Scene['site'] {
  const name = 'canary.test'
  const place = join(folder, 'web', name)
  const of = (file: string) => join(folder, 'site', file)
  const site = { name, place, mode: of('mode'), told: of('told'), seen: of('seen'), command: of('command') }
  for (const path of [place, join(folder, 'site'), join(folder, 'given')]) mkdirSync(path, { recursive: true })
  writeFileSync(site.mode, '')
  const write = (file: string, text: string) => writeFileSync(join(folder, 'given', file), `${text}\n`, { mode: 0o600 })
  write('encryption-key', given.encryptionKey.value)
  write('webhook-secret', given.environmentSecret.value)
  write('from-file', given.fromFile.value)
  const secrets = [join(folder, 'given', 'from-file'), join(place, 'key.pem')]
  writeTellingCommand(site.command, { mode: site.mode, seen: site.seen, secrets })
  installCarelessTarget(join(folder, 'connectors'))
  return site
}

/** An account of its own, which may make tables and nothing else. */
async function withPassword(postgres: TestPostgres, password: string): Promise<string> {
  await postgres.query(`create role keeper login password '${password}'`)
  await postgres.query('alter schema public owner to keeper')
  const url = new URL(postgres.url)
  url.username = 'keeper'
  url.password = password
  return url.href
}

function serverSettings(folder: string, receiver: Receiver): Record<string, string> {
  return {
    CERTCTL_CONFIG_ENCRYPTION_KEY: '',
    CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: join(folder, 'given', 'encryption-key'),
    CERTCTL_WEBHOOK_URL: `${receiver.url}/environment/${given.environmentUrl.value}`,
    CERTCTL_WEBHOOK_SECRET_FILE: join(folder, 'given', 'webhook-secret'),
    CERTCTL_WEBHOOK_SECOND_SECRET: given.environmentSecondSecret.value,
    CERTCTL_WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true',
    CERTCTL_LOG_LEVEL: 'trace',
  }
}

function recordingSender(plane: ControlPlane, answers: Haystack[]): Scene['send'] {
  const ca = readFileSync(plane.caFile, 'utf8')
  return (key) => {
    const send = sender(plane.url, ca, key)
    return async (request) => {
      const answer = await send(request)
      const place = `answer ${answer.status} to ${request.method} ${request.path}`
      answers.push({ place, bytes: Buffer.from(`${JSON.stringify(answer.headers)}\n${answer.body}`) })
      return answer
    }
  }
}

async function joinAgent(options: {
  folder: string
  plane: ControlPlane
  site: Scene['site']
  token: string
}): Promise<TestAgent> {
  const { folder, plane, site, token } = options
  const tokenFile = join(folder, 'given', 'join-token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const agent = await startAgent({
    folder: join(folder, 'agent'),
    name: 'edge',
    plane,
    env: {
      CERTCTL_JOIN_TOKEN: '',
      CERTCTL_JOIN_TOKEN_FILE: tokenFile,
      CERTCTL_CONNECTORS_DIR: join(folder, 'connectors'),
      CERTCTL_OBSERVE_INTERVAL: '1s',
      CERTCTL_LOG_LEVEL: 'debug',
      CERTCTL_SECRET_PIN: given.fromVariable.value,
    },
  })
  const policy = { commands: [site.command], write_directories: [folder], secret_directories: [join(folder, 'given')] }
  writeFileSync(join(folder, 'agent', 'policy.json'), JSON.stringify(policy))
  return agent
}

function keepMade(made: Scene['made'], { plane, token }: { plane: ControlPlane; token: string }): void {
  const keep = (name: string, value: string | Buffer, mayBeIn: RegExp) => made.set(name, { name, value, mayBeIn })
  const inToken = JSON.parse(Buffer.from(token.replace('ccj_', ''), 'base64url').toString('utf8')) as { s: string }
  const ofToken = /^answer 201 to POST \/api\/v1\/join-tokens$|\/given\/join-token$/
  keep('join token', token, ofToken)
  keep('secret of the join token', inToken.s, ofToken)
  keep('administrator key', plane.adminKey, /\/admin\.key$/)
}

async function agentKeyOf(folder: string): Promise<string> {
  const state = join(folder, 'agent', 'state')
  const store = createFileStateStore(join(state, 'identity'), join(state, 'state.key'))
  return await until('the agent has stored its key', 300, async () => {
    const stored = await store.get('identity')
    return (stored?.value as { api_key: string } | undefined)?.api_key
  })
}

/** Every private key the agent made: each line of its PEM that holds a part of it, and its number itself. */
export function privateKeyCanaries({ folder }: Scene): Canary[] {
  const keys = join(folder, 'agent', 'keys')
  const names = readdirSync(keys, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.key'))
  return names.flatMap((name) => {
    const pem = readFileSync(join(keys, name), 'utf8')
    const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' })
    // The rest of the lines is the public half.
    const [, first = '', second = ''] = pem.split('\n')
    const mayBeIn = /\/agent\/keys\/|\/web\/canary\.test\/key\.pem$/
    return [
      { name: `first line of ${name}`, value: first, mayBeIn },
      { name: `second line of ${name}`, value: second, mayBeIn },
      { name: `number of ${name}`, value: Buffer.from(d, 'base64url'), mayBeIn },
    ]
  })
}

/** How every PKCS #8 of a P-256 key begins: no private key at all is in a table, a log or an answer, whoever made it. */
export const anyPrivateKey: readonly Canary[] = [
  { name: 'a PEM block', value: 'PRIVATE KEY-----' },
  { name: 'a PKCS #8', value: Buffer.from('308187020100301306072a8648ce3d020106082a8648ce3d030107', 'hex') },
]

export function logsOf({ folder, otherLogs, plane, agent }: Scene): Haystack[] {
  const ofPlane = plane.copies.map((copy) => ({
    place: `log of ${copy.name}`,
    bytes: Buffer.from(copy.running.output()),
  }))
  const seen = join(folder, 'site', 'seen')
  return [
    ...ofPlane,
    { place: 'log of the agent', bytes: Buffer.from(agent.running.output()) },
    ...(existsSync(seen) ? [{ place: 'what a command saw', bytes: readFileSync(seen) }] : []),
    ...otherLogs,
  ]
}

/** What PostgreSQL wrote about its work. */
export async function databaseLog({ postgres }: Scene): Promise<Haystack> {
  const [row] = await postgres.query<{ path: string }>("select current_setting('data_directory') as path")
  return { place: 'log of PostgreSQL', bytes: readFileSync(join(row?.path ?? '', '..', 'log')) }
}

export function filesOf({ folder }: Scene): Haystack[] {
  return ['agent', 'copy-1', 'given', 'web', 'site'].flatMap((part) => filesAsHaystacks(join(folder, part)))
}

export function uniqueKey(): string {
  return randomBytes(8).toString('hex')
}
