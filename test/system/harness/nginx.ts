import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { unusedPort } from '@certctl/testing'
import { type Running, start } from './running.js'
import { until } from './until.js'
import { shakeHands } from './watch-endpoint.js'

export interface TestNginx {
  port: number
  configFile: string
  certificateFile: string
  keyFile: string
  validateCommand: readonly string[]
  reloadCommand: readonly string[]
  /** Replaces the configuration by another text; without one, puts the good one back. */
  configure(text?: string): void
  /** Until no worker is left of those that a reload replaces: they may accept for a while yet. */
  settled(): Promise<void>
  stop(): Promise<void>
}

/** Which nginx there is, or `undefined`. */
export function nginxVersion(): string | undefined {
  const answer = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return answer.status === 0 ? answer.stderr.trim().replace('nginx version: ', '') : undefined
}

/** A real nginx in a folder of its own, serving the pair that lies there. */
export async function startNginx(folder: string, serverName: string): Promise<TestNginx> {
  const port = await unusedPort()
  const place = join(folder, 'certificates')
  mkdirSync(place, { recursive: true })
  const configFile = join(folder, 'nginx.conf')
  const certificateFile = join(place, 'fullchain.pem')
  const keyFile = join(place, 'key.pem')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ')
  const good = `${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder}/nginx.pid; error_log ${folder}/error.log; worker_processes 1; events {}
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port} ssl; server_name ${serverName};
    ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; location / { return 200 ok; } } }\n`
  const common = ['nginx', '-c', configFile, '-e', `${folder}/error.log`] as const
  const configure = (text = good) => writeFileSync(configFile, text)
  configure()
  const running: Running = start({
    argv: [...common, '-g', 'daemon off;'],
    env: {},
    logFile: join(folder, 'nginx.log'),
  })
  await until('nginx serves', 120, async () => await shakeHands(port, serverName))
  return {
    port,
    configFile,
    certificateFile,
    keyFile,
    validateCommand: [...common, '-t', '-q'],
    reloadCommand: [...common, '-s', 'reload'],
    configure,
    settled: async () => {
      const path = `/proc/${running.pid}/task/${running.pid}/children`
      await until('nginx has one worker', 120, () =>
        readFileSync(path, 'utf8').trim().split(' ').length === 1 ? true : undefined,
      )
    },
    stop: async () => {
      await running.stop()
    },
  }
}
