import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const program = join(import.meta.dirname, '..', 'src', 'main.ts')
const root = join(import.meta.dirname, '..', '..', '..')

const command = ['--import', './scripts/as-shipped.mjs', '--conditions=@certctl/source', program]
/** Jest's own switches are not for it. */
const { NODE_OPTIONS: _, ...env } = process.env

/** As `pnpm simulate` runs it. */
function simulate(args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env,
  })
  return { status, output: `${stdout}${stderr}` }
}

describe('200 certificates of 6, 47, 90 and 398 days, for 180 days among failing CAs and agents', () => {
  it('are all served before they end, within the limits of their CAs, and every failure is visible while it lasts', () => {
    const { status, output } = simulate(['--seeds', '1-3'])
    // Whole, since it has the command that plays a failing seed again.
    expect(output).toContain('3 seeds hold, 0 fail')
    expect(status).toBe(0)
  }, 1_800_000)
})

describe('the command', () => {
  it('explains itself', () => {
    const { status, output } = simulate(['--help'])
    expect(status).toBe(0)
    for (const option of ['--seeds', '--full', '--scenario', '--processes', '--results'])
      expect(output).toContain(option)
  })

  it('stops when it is told to, and leaves nothing behind', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'certctl-simulate-'))
    chmodSync(temporary, 0o711)
    const child = spawn(process.execPath, [...command, '--seeds', '1-2', '--scenario', '{"certificates":20}'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...env, TMPDIR: temporary },
    })
    const ended = once(child, 'exit')
    // What goes on after this test keeps its output open, and whoever reads that waiting.
    const tooLong = setTimeout(() => child.kill('SIGKILL'), 240_000)
    try {
      await Promise.race([once(child.stdout, 'data'), ended])
      expect(readdirSync(temporary)).not.toEqual([])
    } finally {
      child.kill('SIGTERM')
    }
    const [code, signal] = await ended
    clearTimeout(tooLong)
    expect({ code, signal, left: readdirSync(temporary) }).toEqual({ code: 130, signal: null, left: [] })
    rmSync(temporary, { recursive: true })
  })

  it('says what is wrong with its arguments', () => {
    const { status, output } = simulate(['--seeds', 'one'])
    expect(status).not.toBe(0)
    expect(output).toContain('is not like 1-3,7')
    expect(simulate(['--processes', '0']).output).toContain('is not a number of one or more')
  })
})
