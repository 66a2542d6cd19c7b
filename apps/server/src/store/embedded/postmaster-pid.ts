import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { CertctlError } from '@certctl/core'

/** The process that holds the data directory, if there is one and it is PostgreSQL. */
export function runningPostmaster(data: string): number | undefined {
  const pid = writtenPid(data)
  return pid !== undefined && isPostgres(pid) ? pid : undefined
}

function writtenPid(data: string): number | undefined {
  const pid = Number(textOf(data).split('\n')[0])
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}

/** Empty where PostgreSQL has taken it away, as it does when it ends. */
function textOf(data: string): string {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** A zombie (killed, and nobody waits for it: a container without init) is nobody; so is a stranger that got the number. */
function isPostgres(pid: number): boolean {
  const { state, name } = processOf(pid) ?? { state: 'Z', name: '' }
  return state !== 'Z' && /postgres|postmaster/.test(name)
}

function processOf(pid: number): { state: string; name: string } | undefined {
  if (process.platform === 'linux') return linuxProcess(pid)
  const { stdout } = spawnSync('ps', ['-o', 'stat=,comm=', '-p', String(pid)], { encoding: 'utf8' })
  const [, state = '', name = ''] = /^\s*(\S)\S*\s+(.*)$/m.exec(stdout ?? '') ?? []
  return state === '' ? undefined : { state, name }
}

function linuxProcess(pid: number): { state: string; name: string } | undefined {
  try {
    const [, name = '', state = ''] = /^\d+ \((.*)\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return { name, state }
  } catch {
    // Gone: so nobody.
    return undefined
  }
}

const longestWaitMs = 10_000

/**
 * Takes away a `postmaster.pid` that stops PostgreSQL from starting although nobody runs: PostgreSQL itself only asks whether the number is
 * alive. Backends of a killed postmaster may still write, so it is left alone until they are gone.
 */
export async function removeStalePid(data: string): Promise<boolean> {
  if (writtenPid(data) === undefined || runningPostmaster(data) !== undefined) return false
  for (let waited = 0; attachedBackends(data) > 0; waited += 50) {
    if (waited >= longestWaitMs)
      throw new CertctlError(
        'conflict',
        `PostgreSQL of ${data} is gone, but processes of it still run; stop them, then start certctl-server again`,
      )
    await wait(50)
  }
  rmSync(join(data, 'postmaster.pid'), { force: true })
  return true
}

/** How many processes hold the shared memory named in the last line that names it; where the system does not say, PostgreSQL's own check remains. */
function attachedBackends(data: string): number {
  const shared = '/proc/sysvipc/shm'
  if (!existsSync(shared)) return 0
  const id = textOf(data).split('\n')[6]?.trim().split(/\s+/)[1]
  const row = readFileSync(shared, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((columns) => columns[1] === id)
  return Number(row?.[6] ?? 0)
}
