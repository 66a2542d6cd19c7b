import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface Apps {
  url: string
  agentId: string
  /** Runs the command line as an operator would, shows the command and what it prints, and returns its exit code. */
  certctl(...args: string[]): Promise<number>
  /** Fingerprints of the versions of a certificate, oldest first. */
  fingerprints(certificateId: string): Promise<string[]>
  /** What to type in another terminal before the arguments. */
  shellLine: string
  stop(): Promise<void>
}

interface Options {
  folder: string
  port: string | undefined
  policy: { commands: readonly (readonly string[])[]; directory: string }
}

const apps = join(import.meta.dirname, '..', '..', 'apps')
const bundle = (app: string) => join(apps, app, 'dist', 'main.js')

/** A server with its own PostgreSQL, and an agent that has joined it; each in a folder below the given one. */
export async function startApps({ folder, port, policy }: Options): Promise<Apps> {
  chmodSync(folder, 0o711)
  const serverPort = port ?? String(await freePort(8443))
  const url = `https://localhost:${serverPort}`
  const stateDir = join(folder, 'server')
  const server = launch('server', folder, {
    CERTCTL_STATE_DIR: stateDir,
    CERTCTL_SERVER_PORT: serverPort,
    CERTCTL_PUBLIC_URL: url,
  })
  const caFile = join(stateDir, 'tls', 'ca.crt')
  const keyFile = join(stateDir, 'admin.key')
  await appears(server, [caFile, keyFile], join(folder, 'server.log'))

  const login = join(folder, 'cli.json')
  const environment = { CERTCTL_SERVER_URL: url, CERTCTL_SERVER_CA_BUNDLE_PATH: caFile }
  const flags = ['--api-key-file', keyFile, '--config', login]
  const capture = async (...args: string[]) =>
    await collect(
      spawn(process.execPath, [bundle('cli'), ...flags, ...args], { env: { ...process.env, ...environment } }),
    )
  const json = async (...args: string[]): Promise<unknown> => JSON.parse(await capture('--json', ...args))

  await eventually('the server answers', async () => await json('status'))
  const token = (await capture('agents', 'join-token', '--name', 'demo-agent', '--token-only')).trim()
  const policyFile = join(folder, 'agent-policy.json')
  writeFileSync(
    policyFile,
    JSON.stringify({ commands: policy.commands.map(lineOf), write_directories: [policy.directory] }, null, 2),
    { mode: 0o600 },
  )
  const tokenFile = join(folder, 'join-token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const agent = launch('agent', folder, {
    CERTCTL_STATE_DIR: join(folder, 'agent'),
    CERTCTL_KEY_DIR: join(folder, 'agent', 'keys'),
    CERTCTL_AGENT_NAME: 'demo-agent',
    CERTCTL_AGENT_POLICY_FILE: policyFile,
    CERTCTL_JOIN_TOKEN_FILE: tokenFile,
  })
  const agentId = await eventually('the agent joins', async () => {
    const { data } = (await json('agents', 'list')) as { data: { id: string; name: string }[] }
    return data.find(({ name }) => name === 'demo-agent')?.id
  })

  return {
    url,
    agentId,
    certctl: async (...args) => {
      process.stdout.write(`$ certctl ${args.join(' ')}\n`)
      const child = spawn(process.execPath, [bundle('cli'), ...flags, ...args], {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...environment },
      })
      const [code] = (await once(child, 'exit')) as [number | null]
      process.stdout.write('\n')
      return code ?? 1
    },
    fingerprints: async (id) => {
      const { data } = (await json('certificates', 'versions', id)) as { data: { fingerprint_sha256: string }[] }
      return data.map(({ fingerprint_sha256 }) => fingerprint_sha256).reverse()
    },
    shellLine: `CERTCTL_SERVER_URL=${url} CERTCTL_SERVER_CA_BUNDLE_PATH=${caFile} node ${bundle('cli')} --api-key-file ${keyFile}`,
    async stop() {
      await end(agent)
      await end(server)
    },
  }
}

function lineOf(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w./:=@-]+$/.test(word) ? word : `'${word}'`)).join(' ')
}

function launch(app: 'server' | 'agent', folder: string, env: Readonly<Record<string, string>>): ChildProcess {
  mkdirSync(join(folder, app), { recursive: true, mode: 0o711 })
  const log = createWriteStream(join(folder, `${app}.log`))
  const child = spawn(process.execPath, [bundle(app)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...withoutSettings(), ...env },
  })
  child.stdout?.pipe(log)
  child.stderr?.pipe(log)
  return child
}

/** The reader's own settings of certctl, if any, are not the demonstration's. */
function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CERTCTL_')))
}

async function collect(child: ChildProcess): Promise<string> {
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    out += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    err += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${child.spawnargs.slice(1).join(' ')}: ${err.trim() || `exit code ${code}`}`)
  return out
}

async function appears(child: ChildProcess, files: readonly string[], log: string): Promise<void> {
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the server ended; its log:\n${readFileSync(log, 'utf8').slice(-3000)}`)
  })
  const written = eventually(`the server writes ${files.join(' and ')}`, async () => {
    return files.every((file) => existsSync(file)) ? true : undefined
  })
  await Promise.race([written, ended])
  ended.catch(() => undefined)
}

async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  let last: unknown
  for (let looks = 0; looks < 300; looks += 1) {
    try {
      const answer = await ask()
      if (answer !== undefined) return answer
    } catch (error) {
      last = error
    }
    await delay(200)
  }
  throw new Error(`waited a minute: ${what}`, { cause: last })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}

/** The wished port where it is free, else any. */
async function freePort(wished: number): Promise<number> {
  const server = createServer()
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(wished, '127.0.0.1', () => resolve(true))
  })
  if (!listening) return await freePort(0)
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : wished
}
