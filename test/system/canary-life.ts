import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Operation, operations, type Placement } from '@certctl/api'
import { unusedPort } from '@certctl/testing'
import { given, type Scene, uniqueKey } from './canary-scene.js'
import { bundleOf } from './harness/paths.js'
import { start } from './harness/running.js'
import { until } from './harness/until.js'

export const certificateId = 'canary'
export const targetId = 'careless'
export const notifierId = 'hook'

/** Makes keys and tokens, asks for each twice, and comes with wrong ones. */
export async function makeKeys({ api, send, made, plane }: Scene): Promise<{ operator: string; stranger: string }> {
  const headers = { 'idempotency-key': uniqueKey() }
  const body = { name: 'operator', role: 'operator' as const }
  const { body: key } = await api.createApiKey({ body, headers })
  await api.createApiKey({ body, headers })
  made.set('API key', {
    name: 'API key',
    value: key.key,
    mayBeIn: /^answer 201 to POST \/api\/v1\/api-keys$/,
  })
  const { body: token } = await api.createJoinToken({ body: { agent_name: 'stranger' } })
  const join = { token: token.token, hostname: 'h', os: 'linux', architecture: 'x64', version: '1' }
  const { body: joined } = await api.joinAgent({ body: { ...join, name: 'stranger' } })
  made.set('key of another agent', {
    name: 'key of another agent',
    value: joined.api_key,
    mayBeIn: /^answer 201 to POST \/api\/v1\/agents\/join$/,
  })
  for (const wrong of [given.refused.value, `${key.key}x`, plane.adminKey.slice(0, -1)])
    await send(wrong)({ method: 'GET', path: '/api/v1/targets', headers: {} })
  await api.joinAgent({ body: { ...join, name: 'another' } }).catch(() => undefined)
  await api.joinAgent({ body: { ...join, token: `ccj_${given.refused.value}`, name: 'x' } }).catch(() => undefined)
  return { operator: key.key, stranger: joined.api_key }
}

export async function configure({ api, folder, site, agent, receiver, webPort }: Scene): Promise<void> {
  await api.createNotifier({
    body: {
      id: notifierId,
      name: 'Hook',
      type: 'Webhook',
      config: {
        url: `${receiver.url}/api/${given.notifierUrl.value}?key=${given.notifierUrl.value}`,
        secret: given.notifierSecret.value,
        second_secret: given.notifierSecondSecret.value,
        allow_private_addresses: true,
      },
    },
  })
  await until('the agent has said what it carries', 300, async () => {
    const { body } = await api.listConnectorTypes({ query: { kind: 'target' } })
    return body.data.find(({ type }) => type === 'Careless')
  })
  await api.createTarget({
    body: {
      id: targetId,
      name: 'Careless',
      type: 'Careless',
      agent_id: agent.id,
      config: {
        cert_path: join(site.place, 'fullchain.pem'),
        key_path: join(site.place, 'key.pem'),
        command: site.command,
        mode_path: site.mode,
        told_path: site.told,
        literal: given.literal.value,
        from_file: `file:${join(folder, 'given', 'from-file')}`,
        from_variable: 'env:CERTCTL_SECRET_PIN',
        accounts: [{ name: 'root', password: given.account.value }],
        endpoints: [{ host: '127.0.0.1', port: webPort, serverName: site.name }],
      },
    },
  })
}

export async function requestCertificate({ api, site }: Scene): Promise<void> {
  await api.createCertificate({
    body: { id: certificateId, name: site.name, sans: [site.name], issuer_id: 'iss-local', target_ids: [targetId] },
  })
}

export async function placementThat(
  { api }: Scene,
  what: string,
  isSo: (placement: Placement) => boolean,
): Promise<Placement> {
  return await until(`the placement ${what}`, 600, async () => {
    const { body } = await api.listCertificatePlacements({ params: { id: certificateId } })
    const found = body.data.find(isSo)
    if (found === undefined) throw new Error(`so far it is ${JSON.stringify(body.data)}`)
    return found
  })
}

export const isServed = ({ state, served_fingerprint, desired_fingerprint }: Placement): boolean =>
  state === 'served' && served_fingerprint === desired_fingerprint

export function behave({ site }: Scene, mode: '' | 'fails' | 'throws'): void {
  writeFileSync(site.mode, mode)
}

/** Everything that can be sent in the wrong way, with a secret in it; returns what was not refused. */
export async function provokeRefusals(scene: Scene): Promise<string[]> {
  const { api, send, plane, receiver } = scene
  const { value } = given.refused
  const { body: target } = await api.getTarget({ params: { id: targetId } })
  const put = (config: object) => api.updateTarget({ params: { id: targetId }, body: { config: config as never } })
  const add = (config: object, type = 'Webhook') =>
    api.createNotifier({ body: { name: `wrong ${uniqueKey()}`, type, config: config as never } })
  const configs = [
    ...[{ value }, [value], 7, true, ''].map((literal) => ({ ...target.config, literal })),
    { accounts: [{ name: 'root', password: { value } }] },
    { accounts: [{ name: 'other', password: '********' }] },
    { accounts: value },
    { canaries: value },
    { from_file: null },
  ]
  const notifiers = [
    { url: `ftp://127.0.0.1/${value}` },
    { url: `http://somebody:${value}@127.0.0.1/` },
    { url: `http://127.0.0.1/${value}` },
    { url: { value } },
    { url: receiver.url, secret: [value], allow_private_addresses: true },
    { url: receiver.url, second_secret: value, allow_private_addresses: true },
    { url: receiver.url, secret: value, allow_private_addresses: value },
  ]
  const calls = [...configs.map(put), ...notifiers.map((config) => add(config)), add({ token: value }, 'Nothing')]
  const outcomes = await Promise.allSettled(calls)
  const wrong = [...configs, ...notifiers, { type: 'Nothing' }]
  await provokeFaults(scene)
  const headers = { 'content-type': 'application/json' }
  for (const body of [
    `{"name":"x","config":{"secret":"${value}"`,
    `"${value}`,
    `{"config":"${value}${'x'.repeat(2e6)}"}`,
  ])
    await send(plane.adminKey)({ method: 'POST', path: '/api/v1/notifiers', headers, body }).catch(() => undefined)
  return wrong.filter((_, at) => outcomes[at]?.status === 'fulfilled').map((config) => JSON.stringify(config))
}

/** A target of a type that nobody knows, tests that fail, receivers that do not answer. */
async function provokeFaults(scene: Scene): Promise<void> {
  const { api, agent } = scene
  const config = { token: given.refused.value }
  await api.createTarget({ body: { name: 'unknown', type: 'Unknown', agent_id: agent.id, config } })
  await api.testTarget({ params: { id: targetId } })
  await api.testNotifier({ params: { id: notifierId } })
  await unreachable(scene)
}

/** Receivers that nobody answers for, tested and told of events. */
async function unreachable({ api }: Scene): Promise<void> {
  const { value } = given.refused
  const places = [
    `http://127.0.0.1:${await unusedPort()}/${value}`,
    `https://127.0.0.1:${await unusedPort()}/?${value}`,
  ]
  for (const [at, url] of places.entries()) {
    const config = { url, secret: value, allow_private_addresses: true }
    const { body } = await api.createNotifier({ body: { name: `nobody ${at}`, type: 'Webhook', config } })
    await api.testNotifier({ params: { id: body.id } }).catch(() => undefined)
  }
}

/** Starts that are refused, or that cannot do what they should: what they print is kept. */
export async function refusedStarts(scene: Scene): Promise<{ name: string; exit: number | null }[]> {
  const { databaseUrl, folder, plane } = scene
  const stateDir = join(folder, 'other-server')
  const server = { CERTCTL_STATE_DIR: stateDir, HOME: folder, CERTCTL_SERVER_PORT: String(await unusedPort()) }
  const keyFile = join(folder, 'given', 'encryption-key')
  const wrongPassword = databaseUrl.replace(given.databasePassword.value, given.refused.value)
  const withDatabase = { ...server, CERTCTL_DATABASE_URL: databaseUrl }
  const sealed = { ...server, CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: keyFile }
  const agentState = { CERTCTL_STATE_DIR: join(folder, 'other-agent'), HOME: folder }
  const starts = [
    ['server, short key', 'server', { ...withDatabase, CERTCTL_CONFIG_ENCRYPTION_KEY: given.tooShort.value }],
    ['server, another key', 'server', { ...withDatabase, CERTCTL_CONFIG_ENCRYPTION_KEY: given.refused.value }],
    ['server, no URL', 'server', { ...sealed, CERTCTL_DATABASE_URL: `keeper:${given.refused.value} at home` }],
    ['server, wrong password', 'server', { ...sealed, CERTCTL_DATABASE_URL: wrongPassword }],
    [
      'server, wrong webhook',
      'server',
      {
        ...withDatabase,
        CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: keyFile,
        CERTCTL_WEBHOOK_URL: `ftp://${given.refused.value}`,
      },
    ],
    ['agent, no token', 'agent', { ...agentState, CERTCTL_JOIN_TOKEN: given.refused.value }],
    [
      'agent, unknown key',
      'agent',
      {
        ...agentState,
        CERTCTL_SERVER_URL: plane.url,
        CERTCTL_SERVER_CA_BUNDLE_PATH: plane.caFile,
        CERTCTL_AGENT_ID: 'nobody',
        CERTCTL_API_KEY: given.refused.value,
      },
    ],
  ] as const
  const ends: { name: string; exit: number | null }[] = []
  for (const [name, app, env] of starts)
    ends.push({ name, exit: await endOf(scene, { name, argv: [bundleOf(app)], env }) })
  const env = { ...withDatabase, CERTCTL_CONFIG_ENCRYPTION_KEY_FILE: keyFile }
  const argv = [bundleOf('server'), 'config', 'explain'] as const
  ends.push({ name: 'server, explained', exit: await endOf(scene, { name: 'server, explained', argv, env }) })
  return ends
}

interface OtherStart {
  name: string
  argv: readonly string[]
  env: Readonly<Record<string, string>>
}

/** Its exit code; one that does not end by itself is ended once it has said that it is refused. */
async function endOf({ folder, otherLogs }: Scene, { name, argv, env }: OtherStart): Promise<number | null> {
  const logFile = join(folder, `${name.replace(/\W+/g, '-')}.log`)
  const running = start({ argv: [process.execPath, ...argv], env, logFile })
  await until(`${name} has ended, or was refused`, 300, () =>
    !running.isAlive() || /waiting for the database|gave no work/.test(running.output()) ? true : undefined,
  )
  const exit = await running.stop()
  otherLogs.push({ place: `log of ${name}`, bytes: readFileSync(logFile) })
  return exit
}

/** Reads every route there is. */
export async function readEverything({ api, send, agent }: Scene, key: string): Promise<number[]> {
  const { body: jobs } = await api.listJobs({})
  const { body: audit } = await api.listAuditEntries({})
  const { body: issuers } = await api.listIssuers({})
  const { body: versions } = await api.listCertificateVersions({ params: { id: certificateId } })
  const ids: Readonly<Record<string, string | undefined>> = {
    certificates: certificateId,
    targets: targetId,
    notifiers: notifierId,
    agents: agent.id,
    jobs: jobs.data[0]?.id,
    audit: audit.data[0]?.id,
    issuers: issuers.data[0]?.id,
  }
  const others = {
    cert_id: certificateId,
    target_id: targetId,
    job_id: jobs.data[0]?.id,
    version_id: versions.data[0]?.id,
  }
  const statuses: number[] = []
  const reads = Object.values<Operation>(operations).filter(({ method }) => method === 'GET')
  for (const { path } of reads) {
    const noun = path.split('/')[3] ?? ''
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      return (name === 'id' ? ids[noun] : others[name as keyof typeof others]) ?? 'none'
    })
    statuses.push((await send(key)({ method: 'GET', path: filled, headers: {} })).status)
  }
  return statuses
}
