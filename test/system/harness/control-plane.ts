import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type ClientOf, createClient, operations } from '@certctl/api'
import { unusedPort } from '@certctl/testing'
import { startBalancer } from './balancer.js'
import { bundleOf } from './paths.js'
import { type Running, start } from './running.js'
import { until } from './until.js'

export type Api = ClientOf<typeof operations>

export interface ServerCopy {
  name: string
  port: number
  stateDir: string
  /** The server's bundle; what is put here is what the next restart starts. */
  bundle: string
  running: Running
  restart(): Promise<void>
}
export interface ControlPlane {
  copies: readonly ServerCopy[]
  /** Where agents and the test reach whichever copy lives. */
  url: string
  caFile: string
  adminKey: string
  api: Api
  encryptionKey: string
  stop(): Promise<void>
}

export interface ControlPlaneOptions {
  folder: string
  /** Absent: each copy would run a PostgreSQL of its own, so one copy only. */
  databaseUrl?: string | undefined
  copies?: number | undefined
  env?: Readonly<Record<string, string>> | undefined
  /** Another build of the server. */
  bundle?: string | undefined
  /** Of one copy, by its number. */
  envOf?: ((number: number) => Readonly<Record<string, string>>) | undefined
}

/** So many copies of the server on one PostgreSQL, behind one address. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  // Where this is root, the embedded PostgreSQL runs as somebody else, who must be able to pass.
  chmodSync(options.folder, 0o711)
  const encryptionKey = randomBytes(48).toString('base64')
  const front = await startBalancer()
  const url = `https://localhost:${front.port}`
  const copies: ServerCopy[] = []
  for (let number = 1; number <= (options.copies ?? 1); number += 1) {
    const copy = await startCopy({ ...options, number, encryptionKey, publicUrl: url })
    copies.push(copy)
    front.send(copies.map(({ port }) => ({ host: '127.0.0.1', port })))
  }
  const [first] = copies
  if (first === undefined) throw new Error('a control plane needs a copy')
  const caFile = join(first.stateDir, 'tls', 'ca.crt')
  const adminKey = readFileSync(join(first.stateDir, 'admin.key'), 'utf8').trim()
  return {
    copies,
    url,
    caFile,
    adminKey,
    encryptionKey,
    api: createClient(operations, sender(url, readFileSync(caFile, 'utf8'), adminKey)),
    async stop() {
      for (const copy of copies) await copy.running.stop()
      front.close()
    },
  }
}

async function startCopy(
  options: ControlPlaneOptions & { number: number; encryptionKey: string; publicUrl: string },
): Promise<ServerCopy> {
  const name = `copy-${options.number}`
  const stateDir = join(options.folder, name)
  mkdirSync(stateDir, { recursive: true })
  chmodSync(stateDir, 0o711)
  const port = await unusedPort()
  const database =
    options.databaseUrl === undefined
      ? {}
      : {
          CERTCTL_DATABASE_URL: `${options.databaseUrl}?application_name=${name}`,
          CERTCTL_CONFIG_ENCRYPTION_KEY: options.encryptionKey,
        }
  const env = {
    HOME: stateDir,
    CERTCTL_STATE_DIR: stateDir,
    CERTCTL_SERVER_PORT: String(port),
    CERTCTL_PUBLIC_URL: options.publicUrl,
    CERTCTL_RATE_LIMIT_ENABLED: 'false',
    // A copy that was killed is believed dead sooner than in production.
    CERTCTL_JOB_LEASE: '3s',
    CERTCTL_JOB_TIMEOUT_INTERVAL: '1s',
    ...database,
    ...options.env,
    ...options.envOf?.(options.number),
  }
  const launch = (bundle: string) =>
    start({ argv: [process.execPath, bundle], env, logFile: join(options.folder, `${name}.log`) })
  const bundle = options.bundle ?? bundleOf('server')
  const copy: ServerCopy = {
    name,
    port,
    stateDir,
    bundle,
    running: launch(bundle),
    async restart() {
      copy.running = launch(copy.bundle)
      await answers(copy)
    },
  }
  await answers(copy)
  return copy
}

async function answers(copy: ServerCopy): Promise<void> {
  await until(`${copy.name} answers`, 240, async () => {
    if (!copy.running.isAlive()) throw new Error(`it ended:\n${copy.running.output().slice(-3000)}`)
    if (!existsSync(join(copy.stateDir, 'tls', 'ca.crt'))) return undefined
    const ask = sender(`https://localhost:${copy.port}`, readFileSync(join(copy.stateDir, 'tls', 'ca.crt'), 'utf8'), '')
    const { status } = await ask({ method: 'GET', path: '/ready', headers: {} })
    return status === 200 ? true : undefined
  })
}

/** Sends each request on a connection of its own: a copy that died in between does not poison the next one. */
export function sender(baseUrl: string, ca: string, key: string) {
  // Whoever asks over and over does not read the CA's certificate over and over.
  const agent = new Agent({ keepAlive: false, secureContext: createSecureContext({ ca }) })
  return (wire: {
    method: string
    path: string
    headers: Readonly<Record<string, string>>
    body?: string | undefined
  }) =>
    new Promise<{ status: number; headers: Record<string, string>; body: string }>((resolve, reject) => {
      const headers = { ...wire.headers, ...(key === '' ? {} : { authorization: `Bearer ${key}` }) }
      const sent = request(
        `${baseUrl}${wire.path}`,
        { method: wire.method, headers, agent, timeout: 90_000 },
        (answer) => {
          let body = ''
          answer.setEncoding('utf8').on('data', (chunk: string) => {
            body += chunk
          })
          answer.once('error', reject)
          answer.once('end', () =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers as Record<string, string>, body }),
          )
        },
      )
      sent.once('error', reject)
      sent.once('timeout', () => sent.destroy(new Error(`no answer to ${wire.method} ${wire.path}`)))
      sent.end(wire.body)
    })
}
