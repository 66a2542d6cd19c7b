import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'

export interface WebServer {
  /** What is shown to the reader: `nginx/1.22.1` or the demonstration's own server. */
  name: string
  targetType: 'NGINX' | 'Files'
  targetConfig: Record<string, unknown>
  /** Argument vectors the agent's policy must allow. */
  commands: readonly (readonly string[])[]
  port: number
  stop(): Promise<void>
}

interface Options {
  folder: string
  tsx: readonly string[]
  port: number
  /** Where NGINX is installed but the demonstration's own server is wanted. */
  ownServerOnly: boolean
}

/**
 * Holds the listening socket from before there is a certificate, so that whoever connects early waits in line and is
 * answered as soon as the first deployment has started the server behind it.
 */
export async function startWebServer(options: Options): Promise<WebServer> {
  mkdirSync(join(options.folder, 'certificates'), { recursive: true })
  const socket = createServer()
  socket.listen({ port: options.port, host: '127.0.0.1', backlog: 511 })
  await once(socket, 'listening')
  const address = socket.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  const nginx = options.ownServerOnly ? undefined : findNginx()
  return nginx === undefined ? ownServer(options, socket, port) : nginxServer(options, socket, { port, ...nginx })
}

function findNginx(): { program: string; version: string } | undefined {
  const program = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find(
    (path) => spawnSync(path, ['-v']).status === 0,
  )
  if (program === undefined) return undefined
  return {
    program,
    version: spawnSync(program, ['-v'], { encoding: 'utf8' })
      .stderr.replace(/^nginx version: /, '')
      .trim(),
  }
}

const ownName = "the demonstration's own HTTPS server"

async function ownServer(options: Options, socket: Server, port: number): Promise<WebServer> {
  const { folder, tsx } = options
  const files = filesIn(folder)
  const server = [
    process.execPath,
    ...tsx,
    join(import.meta.dirname, 'https-server.ts'),
    files.certificate,
    files.key,
    files.pid,
  ]
  const child = await holdSocket({ folder, tsx, server }, socket)
  const reload = [process.execPath, ...tsx, join(import.meta.dirname, 'reload.ts'), folder]
  const layout = [
    { path: files.certificate, content: 'fullchain' },
    { path: files.key, content: 'key' },
  ]
  return {
    name: options.ownServerOnly ? `${ownName} (asked for)` : `${ownName} (there is no NGINX on this machine)`,
    targetType: 'Files',
    targetConfig: { files: layout, command: reload },
    commands: [reload],
    port,
    stop: () => stopChild(child),
  }
}

async function nginxServer(
  { folder, tsx }: Options,
  socket: Server,
  { program, version, port }: { program: string; version: string; port: number },
): Promise<WebServer> {
  const files = filesIn(folder)
  const configFile = join(folder, 'nginx.conf')
  writeFileSync(configFile, nginxConfig(folder, files, port))
  const nginx = [program, '-c', configFile, '-e', join(folder, 'nginx-error.log')]
  const child = await holdSocket({ folder, tsx, server: [...nginx, '-g', 'daemon off;'] }, socket)
  const validate = [...nginx, '-t', '-q']
  const reload = [process.execPath, ...tsx, join(import.meta.dirname, 'reload.ts'), folder]
  return {
    name: version,
    targetType: 'NGINX',
    targetConfig: {
      cert_path: files.certificate,
      key_path: files.key,
      validate_command: validate,
      reload_command: reload,
    },
    commands: [validate, reload],
    port,
    stop: () => stopChild(child),
  }
}

/** Hands the socket to a process that does not accept from it, and lets go of it here, where it would be accepted from. */
async function holdSocket(
  { folder, tsx, server }: { folder: string; tsx: readonly string[]; server: readonly string[] },
  socket: Server,
): Promise<ChildProcess> {
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  const holder = spawn(
    process.execPath,
    [...tsx, join(import.meta.dirname, 'start-when-asked.ts'), folder, ...server],
    {
      stdio: ['ignore', 'ignore', 'inherit', fd, 'ipc'],
    },
  )
  await once(holder, 'message')
  socket.close()
  await once(socket, 'close')
  return holder
}

function filesIn(folder: string): { certificate: string; key: string; pid: string } {
  const place = join(folder, 'certificates')
  return { certificate: join(place, 'fullchain.pem'), key: join(place, 'key.pem'), pid: join(folder, 'web.pid') }
}

function nginxConfig(folder: string, files: { certificate: string; key: string; pid: string }, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${folder}/${kind};`,
  )
  return [
    `pid ${files.pid};`,
    `error_log ${folder}/nginx-error.log;`,
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'events {}',
    'http {',
    '  access_log off;',
    ...temporary,
    '  server {',
    `    listen 127.0.0.1:${port} ssl;`,
    `    ssl_certificate ${files.certificate};`,
    `    ssl_certificate_key ${files.key};`,
    "    location / { return 200 'Served by NGINX.\\n'; }",
    '  }',
    '}',
    '',
  ].join('\n')
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
