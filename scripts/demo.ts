/**
 * The whole product in a minute: server, agent, a real HTTPS endpoint, a certificate that is issued, deployed, proven by
 * handshake and renewed under load. `npm run demo -- --help` says more.
 */
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startApps } from './demo/apps.js'
import { judge } from './demo/judge.js'
import { startProbe } from './demo/probe.js'
import { startWebServer } from './demo/web-server.js'

const help = `npm run demo -- [options]

Starts a server and an agent, asks for a certificate, puts it on a real HTTPS endpoint and renews it
while another process opens a new TLS connection every 40 ms. Then leaves everything running.

  --once         stop everything at the end; the exit code says whether all went well
  --own-server   use the demonstration's own HTTPS server even where there is an NGINX
  --port N       port of the control plane (default: 8443 where it is free)
  --help         this text
`

const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== '--'),
  options: {
    once: { type: 'boolean', default: false },
    'own-server': { type: 'boolean', default: false },
    port: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const say = (text: string) => process.stdout.write(`${text}\n`)
const tsx = ['--import', import.meta.resolve('tsx')]
const serverName = 'demo.certctl.test'

async function main(): Promise<number> {
  if (options.help) {
    say(help)
    return 0
  }
  const stops: (() => Promise<unknown>)[] = []
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  process.once('SIGINT', () => void stopAll().finally(() => process.exit(130)))
  process.once('SIGTERM', () => void stopAll().finally(() => process.exit(143)))
  try {
    return await show(stops)
  } catch (error) {
    process.stderr.write(`\nThe demonstration failed: ${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    await stopAll()
  }
}

async function show(stops: (() => Promise<unknown>)[]): Promise<number> {
  // Everybody may pass through: where this is root, the embedded PostgreSQL runs as somebody else.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'certctl-demo-')))
  mkdirSync(join(folder, 'web'))
  say(`Everything of this demonstration is in ${folder}\n`)

  const web = await startWebServer({ folder: join(folder, 'web'), tsx, port: 0, ownServerOnly: options['own-server'] })
  stops.push(web.stop)
  say(`Web server: ${web.name}, https://127.0.0.1:${web.port} (name ${serverName})`)

  const apps = await startApps({
    folder,
    port: options.port,
    policy: { commands: web.commands, directory: join(folder, 'web') },
  })
  stops.push(apps.stop)
  say(`Control plane: ${apps.url}, logs in ${folder}/*.log`)

  const probe = await startProbe({ tsx, port: web.port, serverName })
  stops.push(probe.end)
  say('Probe: a new TLS connection every 40 ms, from before the first deployment\n')

  const configFile = join(folder, 'target.json')
  const endpoints = [{ host: '127.0.0.1', port: web.port, serverName }]
  writeFileSync(
    configFile,
    JSON.stringify({ type: web.targetType, config: { ...web.targetConfig, endpoints } }, null, 2),
  )
  await apps.certctl('targets', 'create', '--id', 'demo-web', '--agent', apps.agentId, '--file', configFile)
  const first = await apps.certctl(
    'certificates',
    'request',
    serverName,
    '--id',
    'demo',
    '--target',
    'demo-web',
    '--wait',
  )
  const second = await apps.certctl('certificates', 'renew', 'demo', '--wait')
  await apps.certctl('certificates', 'placements', 'demo')
  await apps.certctl('status')

  const seen = await probe.finish()
  const issued = await apps.fingerprints('demo')
  say(
    `The probe saw:\n${JSON.stringify(seen, null, 2)}\nIssued, oldest first:\n${issued.map((fingerprint) => `  ${fingerprint}`).join('\n')}`,
  )
  const faults = judge({ seen, issued })
  for (const fault of faults) say(`NOT AS IT SHOULD BE: ${fault}`)
  const allWell = faults.length === 0 && first === 0 && second === 0
  say(
    allWell
      ? `\nIssued, served, renewed and served again on ${web.name}, without a failed request.`
      : '\nThis is not what was promised.',
  )
  if (options.once || !allWell) return allWell ? 0 : 1
  say('\nIt stays up until Ctrl-C. In another terminal, for instance:')
  say(`  ${apps.shellLine} certificates show demo`)
  say(`  openssl s_client -connect 127.0.0.1:${web.port} -servername ${serverName} </dev/null`)
  return await new Promise<number>(() => undefined)
}

process.exitCode = await main()
process.exit()
