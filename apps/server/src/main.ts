#!/usr/bin/env node
import { isCertctlError, messageOf } from '@certctl/core'
import { composeServer, ownVersion, type RunningServer } from './compose.js'
import { type Config, readConfig } from './config.js'
import { explainConfig } from './explain-config.js'
import { createLogger } from './log.js'

const help = `certctl-server: the control plane.

  certctl-server                  run, until SIGTERM or SIGINT; SIGHUP reads the listener's certificate again
  certctl-server config explain   print the effective settings and where each came from
  certctl-server --version
  certctl-server --help

Settings are CERTCTL_ variables of the environment; every secret also has a form with _FILE behind its name.
Without any, the server keeps a database of its own in the state directory and listens on https://localhost:8443.
`

async function main(argv: readonly string[]): Promise<void> {
  const command = argv.join(' ')
  if (command === '--help' || command === '-h' || command === 'help') process.stdout.write(help)
  else if (command === '--version') process.stdout.write(`${ownVersion}\n`)
  else if (command === 'config explain') process.stdout.write(`${explainConfig(readConfig())}\n`)
  else if (command === '' || command === 'run') await run(readConfig())
  else throw new RangeError(`"${command}" is not a command\n\n${help}`)
}

async function run(config: Config): Promise<void> {
  const log = createLogger({ level: config.log_level })
  let server: RunningServer | undefined
  let isEnding = false
  const cancelling = new AbortController()
  const end = (reason: string, code: number): void => {
    if (isEnding) return
    isEnding = true
    cancelling.abort()
    void stop(reason, code)
  }
  async function stop(reason: string, code: number): Promise<void> {
    log.info({ reason }, 'stopping')
    const started = await starting.catch(() => undefined)
    await started?.stop()
    log.info({}, 'stopped')
    process.exit(code)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal, 0))
  process.on('SIGHUP', () => void server?.reload())

  const terminal = process.stderr.isTTY ? process.stderr : undefined
  const cancelled = cancelling.signal
  const starting = composeServer({ config, log, terminal, cancelled, onFatal: (error) => end(messageOf(error), 1) })
  server = await starting.catch((error: unknown) => {
    if (isEnding) return undefined
    throw error
  })
  if (server === undefined) return
  log.info({ address: server.address, url: server.url }, 'listening')
  process.stderr.write(greeting(server))
}

function greeting({ url, address, adminKeyPath, authorityPath }: RunningServer): string {
  const lines = [
    `certctl-server ${ownVersion} listens on ${address}: ${url}`,
    ...(authorityPath === undefined ? [] : [`its CA, for clients to trust: ${authorityPath}`]),
    ...(adminKeyPath === undefined ? [] : [`first administrator key: ${adminKeyPath}`]),
  ]
  return `${lines.join('\n')}\n`
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const text =
    isCertctlError(error) || error instanceof RangeError
      ? messageOf(error)
      : String(error instanceof Error ? error.stack : error)
  process.stderr.write(`certctl-server: ${text}\n`)
  process.exit(isCertctlError(error) && error.code === 'config_invalid' ? 2 : 1)
})
