import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { createFileSystem, createNodeHost } from '@certctl/kit'
import { createMemoryState, type TargetWorld, unusedPort } from '@certctl/testing'

const run = promisify(execFile)

/** Where the program is; `undefined`: not installed here. */
export const nginxPath = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx', '/opt/homebrew/bin/nginx'].find(
  existsSync,
)

export interface NginxProcess extends TargetWorld {
  readonly directory: string
  readonly config: Readonly<Record<string, string>>
  readonly port: number
  /** Rewrites the configuration; `extra` goes inside the server block. */
  configure(extra: string): Promise<void>
  close(): Promise<void>
}

/** A real NGINX with a folder, a port and a pid of its own. It starts with the first reload, since it cannot without a certificate. */
export async function startNginx(program: string): Promise<NginxProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-nginx-'))
  // Workers run as an ordinary user and must reach the folder.
  await chmod(directory, 0o755)
  await mkdir(join(directory, 'logs'))
  const port = await unusedPort()
  const configPath = join(directory, 'nginx.conf')
  const argv = [program, '-p', directory, '-c', configPath, '-e', join(directory, 'logs/error.log')]
  const config = {
    cert_path: join(directory, 'tls/www.pem'),
    key_path: join(directory, 'tls/www.key'),
    validate_command: [...argv, '-t'].join(' '),
    reload_command: join(directory, 'reload-or-start'),
  }
  await mkdir(join(directory, 'tls'))
  const pidPath = join(directory, 'nginx.pid')
  const configure = (extra: string) => writeFile(configPath, configurationOf({ directory, port, config, extra }))
  await configure('')
  const script = `#!/bin/sh\nif [ -s ${pidPath} ] && kill -0 "$(cat ${pidPath})" 2>/dev/null; then exec ${argv.join(' ')} -s reload; fi\nexec ${argv.join(' ')}\n`
  await writeFile(config.reload_command, script, { mode: 0o755 })
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const host = createNodeHost({
    instance: { id: 'live' },
    state: createMemoryState(() => new Date()),
    log,
    files: createFileSystem(),
  })

  const stop = async (): Promise<void> => {
    const pid = await pidIn(pidPath)
    if (pid === undefined) return
    execFileSync(program, ['-p', directory, '-c', configPath, '-e', join(directory, 'logs/error.log'), '-s', 'stop'])
    await until(async () => !existsSync(`/proc/${pid}`) && (await pidIn(pidPath)) === undefined)
  }
  return {
    directory,
    config,
    port,
    host,
    configure,
    serving: () => servedOn(port),
    async restart() {
      await stop()
      await run(argv[0] ?? '', argv.slice(1))
      await until(async () => (await servedOn(port)) !== undefined)
    },
    sweep: false,
    async close() {
      await configure('') // a broken configuration would also break stopping
      await stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** SHA-256 of the leaf that a handshake shows; `undefined` when there is none. */
export async function servedOn(port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase())
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
  })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 2000; looks += 1) {
    if (await holds()) return
    await pause(25)
  }
  throw new Error('it did not come true within fifty seconds')
}

interface Configuration {
  directory: string
  port: number
  config: { cert_path: string; key_path: string }
  extra: string
}

function configurationOf({ directory, port, config, extra }: Configuration): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  )
  return `pid ${directory}/nginx.pid;
error_log ${directory}/logs/error.log;
worker_processes 1;
events { worker_connections 128; }
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl;
    server_name localhost;
    ssl_certificate ${config.cert_path};
    ssl_certificate_key ${config.key_path};
    ${extra}
    location / { return 200 "ok"; }
  }
}
`
}

async function pidIn(path: string): Promise<number | undefined> {
  if (!existsSync(path)) return undefined
  const text = (await readFile(path, 'utf8')).trim()
  return text === '' ? undefined : Number(text)
}
