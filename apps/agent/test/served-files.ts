import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createSecureContext, type SecureContext } from 'node:tls'

/** How the reload command behaves from now on. One that waits goes on when it is told to do something else; one that hangs never does. */
export type ReloadMode = 'works' | 'fails' | 'does nothing' | 'waits' | 'hangs'

/** A server that reads a pair of files when its reload command runs, and goes on with the old pair where the new one does not fit. */
export interface ServedFiles {
  port: number
  certPath: string
  keyPath: string
  /** Makes the server read the files, as far as `reloads` lets it. */
  reloadCommand: string[]
  reloads(mode: ReloadMode): Promise<void>
  /** How often the reload command was begun: each of them knows by then how it is to behave. */
  reloadCount(): Promise<number>
  /** The target's configuration, this reload command in it. */
  config(more?: Record<string, unknown>): Record<string, unknown>
  /** SHA-256 of the leaf that a client meets now. */
  serving(): Promise<string | undefined>
  /** Resolves when the next client begins to shake hands. */
  nextHandshake(): Promise<void>
  close(): Promise<void>
}

export async function createServedFiles(directory: string): Promise<ServedFiles> {
  const site = join(directory, 'site')
  const loaded = join(directory, 'loaded')
  await mkdir(site, { recursive: true })
  await mkdir(loaded, { recursive: true })
  let context: SecureContext | undefined
  const current = async () => (context = await load(loaded, context))
  const server = createServer({
    SNICallback: (_name, done) =>
      void current().then(
        (found) => done(null, found),
        (error: Error) => done(error),
      ),
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const certPath = join(site, 'cert.pem')
  const keyPath = join(site, 'key.pem')
  const script = join(directory, 'reload.mjs')
  const journal = join(directory, 'reloads')
  const mode = join(directory, 'mode')
  await writeFile(script, reloadScript)
  await writeFile(mode, 'works')
  await writeFile(journal, '')
  const reloadCommand = [process.execPath, script, certPath, keyPath, loaded, journal, mode]

  return {
    port,
    certPath,
    keyPath,
    reloadCommand,
    async reloads(how) {
      // Whole at once: a command may look just now.
      await writeFile(`${mode}.next`, how)
      await rename(`${mode}.next`, mode)
    },
    reloadCount: async () => (await readFile(journal, 'utf8')).length,
    config: (more = {}) => ({
      files: [
        { path: certPath, content: 'fullchain' },
        { path: keyPath, content: 'key' },
      ],
      command: reloadCommand,
      endpoints: [{ host: '127.0.0.1', port, serverName: 'localhost' }],
      post_deploy_verify: { attempts: 3, backoff: '20ms', timeout: '50s' },
      ...more,
    }),
    serving: () => leafAt(port),
    nextHandshake: () => new Promise<void>((resolve) => void server.once('connection', () => resolve())),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}

const reloadScript = `
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs'
const [certPath, keyPath, loaded, journal, modeFile] = process.argv.slice(2)
let mode = readFileSync(modeFile, 'utf8')
appendFileSync(journal, '.')
while (mode === 'waits') {
  await new Promise((resolve) => setTimeout(resolve, 20))
  mode = readFileSync(modeFile, 'utf8')
}
if (mode === 'hangs') await new Promise((resolve) => setTimeout(resolve, 600_000))
if (mode === 'fails') { process.stderr.write('[emerg] the configuration is broken'); process.exit(1) }
if (mode === 'works') for (const [path, name] of [[keyPath, 'key.pem'], [certPath, 'cert.pem']]) copyFileSync(path, loaded + '/' + name)
`

async function load(loaded: string, before: SecureContext | undefined): Promise<SecureContext | undefined> {
  try {
    return createSecureContext({
      cert: await readFile(join(loaded, 'cert.pem')),
      key: await readFile(join(loaded, 'key.pem')),
    })
  } catch {
    return before // As servers do that were told to reload a pair that does not fit.
  }
}

async function leafAt(port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase())
      socket.destroy()
    })
    socket.on('error', () => resolve(undefined))
  })
}

/** A policy file of this user that lists these commands. */
export async function writePolicy(directory: string, rules: Record<string, unknown>): Promise<string> {
  const path = join(directory, 'policy.json')
  await writeFile(path, JSON.stringify(rules), { mode: 0o600 })
  return path
}
