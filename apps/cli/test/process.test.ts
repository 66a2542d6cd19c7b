import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { useScene } from './run-cli.js'

const scene = useScene()
const main = join(import.meta.dirname, '..', 'src', 'main.ts')
const loader = new URL('../../../scripts/as-shipped.mjs', import.meta.url).href

const program = [process.execPath, '--import', loader, '--conditions=@certctl/source', main]

/** The program as a process of its own. */
const start = (...argv: string[]): ChildProcess => spawned([...program, ...argv], ['pipe', 'pipe', 'pipe'])

function spawned([file = '', ...argv]: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn(file, argv, { env: { PATH: process.env.PATH, HOME: scene().home, ...scene().environment }, stdio })
}

async function errorOf(child: ChildProcess) {
  const [error, [exitCode]] = await Promise.all([
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ])
  return { error, exitCode }
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
    expect(await errorOf(child)).toEqual({ error: '', exitCode: 0 })
  })

  it.each([
    ['request a.example --target web-broken', 5],
    ['request a.example --target web-1', 0],
  ])('waits for the outcome although nobody reads what it says: %s', async (line, exitCode) => {
    let now = scene().clock.now
    Object.defineProperty(scene().clock, 'now', { get: () => (now += 5000) })
    const child = start('certificates', ...line.split(' '), '--wait', '--timeout', '1s')
    child.stdout?.destroy()
    child.stderr?.destroy()
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(exitCode)
  })

  const onLinux = process.platform === 'linux' ? it : it.skip

  onLinux.each([
    ['a list', ['issuers', 'list']],
    ['JSON', ['issuers', 'list', '--json']],
    ['help', ['--help']],
  ])('says that its output could not be written: %s', async (_, argv) => {
    const full = openSync('/dev/full', 'w')
    const { error, exitCode } = await errorOf(spawned([...program, ...argv], ['pipe', full, 'pipe']))
    closeSync(full)
    expect(error).toContain('The output cannot be written (ENOSPC: no space left on device, write), and is not whole')
    expect(exitCode).toBe(1)
  })

  onLinux('says so too where the last room took a part of it', async () => {
    const { world } = scene().server
    const [event] = world.events
    if (event !== undefined) world.events.push({ ...event, id: 'long', message: 'x'.repeat(3_000_000) })
    const file = join(scene().home, 'events.json')
    // Once before the limit: the loader keeps large files of its own.
    const script = `"$@" > /dev/null && ulimit -f 2000 && exec "$@" > '${file}'`
    const shell = ['bash', '-c', script, '-', ...program, 'events', 'list', '--json']
    const { error, exitCode } = await errorOf(spawned(shell, ['pipe', 'pipe', 'pipe']))
    expect(error).toContain('The output cannot be written (EFBIG')
    expect(readFileSync(file)).toHaveLength(2000 * 1024)
    expect(exitCode).toBe(1)
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
