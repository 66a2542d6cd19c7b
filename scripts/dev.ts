/**
 * Server and agent from their source, restarted when a file changes, with state in .build/dev that stays between runs.
 * Usage: pnpm dev [--port N] [--fresh]
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    port: { type: 'string', default: '8443' },
    fresh: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(
    'Usage: pnpm dev [--port N] [--fresh]\n\n  --fresh  forget what earlier runs left in .build/dev\n',
  )
  process.exit(0)
}

const root = join(import.meta.dirname, '..')
const folder = join(root, '.build', 'dev')
const state = join(folder, 'server')
const caFile = join(state, 'tls', 'ca.crt')
const keyFile = join(state, 'admin.key')
const tokenFile = join(folder, 'join-token')
const url = `https://localhost:${values.port}`
const source = [join(root, 'node_modules', 'tsx', 'dist', 'cli.mjs'), '--conditions=@certctl/source']
const watching = [source[0] ?? '', 'watch', '--clear-screen=false', '--conditions=@certctl/source']
const main = (app: string): string => join(root, 'apps', app, 'src', 'main.ts')

const children: ChildProcess[] = []
function launch(app: string, settings: Readonly<Record<string, string>>): void {
  const env = { ...process.env, ...settings }
  children.push(spawn(process.execPath, [...watching, main(app)], { cwd: root, stdio: 'inherit', env }))
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const child of children) child.kill(signal)
  })

function certctl(...args: string[]): string | undefined {
  const env = { ...process.env, CERTCTL_SERVER_URL: url, CERTCTL_SERVER_CA_BUNDLE_PATH: caFile }
  const call = [...source, main('cli'), '--api-key-file', keyFile, '--config', join(folder, 'cli.json'), ...args]
  const { status, stdout } = spawnSync(process.execPath, call, { cwd: root, encoding: 'utf8', env })
  return status === 0 ? stdout.trim() : undefined
}

/** The agent joins once; afterwards it knows its key. */
async function joinToken(): Promise<string> {
  for (let looks = 0; looks < 120; looks += 1) {
    const token =
      existsSync(keyFile) && existsSync(caFile)
        ? certctl('agents', 'join-token', '--name', 'dev-agent', '--token-only')
        : undefined
    if (token !== undefined) return token
    await delay(500)
  }
  throw new Error(`The server did not answer at ${url} within a minute`)
}

if (values.fresh) rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true, mode: 0o711 })
launch('server', { CERTCTL_STATE_DIR: state, CERTCTL_SERVER_PORT: values.port, CERTCTL_PUBLIC_URL: url })
if (!existsSync(tokenFile)) writeFileSync(tokenFile, await joinToken(), { mode: 0o600 })
launch('agent', {
  CERTCTL_STATE_DIR: join(folder, 'agent'),
  CERTCTL_KEY_DIR: join(folder, 'agent', 'keys'),
  CERTCTL_AGENT_NAME: 'dev-agent',
  CERTCTL_JOIN_TOKEN_FILE: tokenFile,
})
process.stdout.write(
  `\nServer ${url}, admin key ${keyFile}\nCERTCTL_SERVER_URL=${url} CERTCTL_SERVER_CA_BUNDLE_PATH=${caFile} certctl --api-key-file ${keyFile} status\n\n`,
)
