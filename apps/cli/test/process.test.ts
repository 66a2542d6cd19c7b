import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { useScene } from './run-cli.js'

const scene = useScene()
const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const loader = new URL('../../../scripts/as-shipped.mjs', import.meta.url).href

/** The program as a process of its own. */
function start(...argv: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', loader, '--conditions=@certctl/source', main, ...argv], {
    env: { PATH: process.env.PATH, HOME: scene().home, ...scene().environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

async function outcomeOf(child: ChildProcess) {
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('the process has no pipes')
  const [out, error, [exitCode]] = await Promise.all([
    text(stdout),
    text(stderr),
    once(child, 'exit') as Promise<[number]>,
  ])
  return { out, error, exitCode }
}

describe('the program', () => {
  it('puts data on stdout, words on stderr, and ends although connections are kept', async () => {
    const { out, error, exitCode } = await outcomeOf(start('issuers', 'list'))
    expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' })
    expect(out).toContain('iss-local')
  })

  it('exits with the code of the failure', async () => {
    const { out, error, exitCode } = await outcomeOf(start('issuers', 'show', 'none'))
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: '' })
    expect(error).toBe('error: There is no issuer "none"\nnext: certctl issuers list\n')
  })

  it('is silent when whoever reads it stops reading', async () => {
    const { world } = scene().server
    const [event] = world.events
    if (event !== undefined)
      for (let n = 0; n < 3000; n += 1) world.events.push({ ...event, id: `e${n}`, message: 'x'.repeat(200) })
    const child = start('events', 'list', '--per-page', '500', '--json')
    child.stdout?.once('data', () => child.stdout?.destroy())
    const [error, [exitCode]] = await Promise.all([
      child.stderr === null ? '' : text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ])
    expect({ error, exitCode }).toEqual({ error: '', exitCode: 0 })
  })

  it('writes all of a long answer before it ends', async () => {
    const { world } = scene().server
    const [event] = world.events
    if (event !== undefined)
      for (let n = 0; n < 499; n += 1) world.events.push({ ...event, id: `e${n}`, message: 'x'.repeat(2000) })
    const { out } = await outcomeOf(start('events', 'list', '--per-page', '500', '--json'))
    expect((JSON.parse(out) as { data: unknown[] }).data).toHaveLength(500)
  })

  it('reads a key from standard input', async () => {
    const child = start('login', '--key-file', '-')
    child.stdin?.end(scene().environment.CERTCTL_API_KEY)
    const { out, exitCode } = await outcomeOf(child)
    expect(exitCode).toBe(0)
    expect(out).toContain('as ada (admin)')
  })

  it('completes commands in a shell', async () => {
    const script = await outcomeOf(start('completion', 'bash'))
    expect(script.exitCode).toBe(0)
    expect(script.out).toContain('certctl')
    const { out } = await outcomeOf(start('complete', '--', 'certi'))
    expect(out).toContain('certificates')
  })
})
