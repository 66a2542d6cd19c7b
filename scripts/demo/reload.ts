/**
 * What the agent runs after it has replaced the files. The first time there is no web server yet: NGINX cannot start without
 * a certificate, so the demonstration starts it now, on the socket it holds open since before. Usage: reload.ts <folder>
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const folder = process.argv[2] ?? ''

/** Undefined until the server has written all of its number. */
function serverPid(): number | undefined {
  const file = join(folder, 'web.pid')
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  return /^[1-9]\d*\n$/.test(text) ? Number(text) : undefined
}

if (serverPid() === undefined) {
  writeFileSync(join(folder, 'start'), '')
  for (let looks = 0; serverPid() === undefined && looks < 200; looks += 1) await delay(50)
}
const pid = serverPid()
if (pid === undefined) {
  process.stderr.write('the web server did not start\n')
  process.exit(1)
}
process.kill(pid, 'SIGHUP')
