/** Waits until the process with the given number is gone, then stops the PostgreSQL under the given folder and removes the folder. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const [, , parent, root] = process.argv

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    return error.code === 'ENOENT' && process.platform !== 'linux'
  }
}

function postmaster() {
  try {
    return Number(readFileSync(join(root, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
}

while (isAlive(Number(parent))) await wait(500)
const pid = postmaster()
if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGINT')
while (pid !== undefined && isAlive(pid)) await wait(50)
rmSync(root, { recursive: true, force: true })
