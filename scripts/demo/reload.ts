/**
 * What the agent runs after it has replaced the files. The first time there is no web server yet: NGINX cannot start without
 * a certificate, so the demonstration starts it now, on the socket it holds open since before. Usage: reload.ts <folder>
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const folder = process.argv[2] ?? ''
const pidFile = join(folder, 'web.pid')

if (!existsSync(pidFile)) {
  writeFileSync(join(folder, 'start'), '')
  for (let looks = 0; !existsSync(pidFile) && looks < 200; looks += 1) await delay(50)
}
if (!existsSync(pidFile)) {
  process.stderr.write('the web server did not start\n')
  process.exit(1)
}
process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGHUP')
