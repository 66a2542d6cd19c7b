import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseCertificate } from '@certctl/pki'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type FakeServer, startFakeServer } from './fake-server/serve.js'
import { keys } from './fake-server/world.js'
import { runInTerminal, wordsOf } from './terminal.js'

const folder = join(import.meta.dirname, 'transcripts')
const noon = Date.UTC(2026, 0, 31, 12)

let home: string
let server: FakeServer
let clock: { now: number }

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'certctl-cli-'))
  clock = { now: noon }
  server = await startFakeServer(() => clock.now)
  writeFileSync(join(home, 'ca.pem'), server.caPem)
})

afterEach(async () => {
  await server.close()
  rmSync(home, { recursive: true })
})

interface Step {
  command: string
  stdin: string[]
  answers: string[]
}

/** `$` a command, `<` a line of its input, `>` what a person types, `@ as ROLE`, `#` a remark; the rest is what it printed. */
async function replay(script: string): Promise<string> {
  const made: string[] = []
  let role: string = 'admin'
  let step: Step | undefined
  const finish = async () => {
    if (step !== undefined) made.push(...(await perform(step, role)))
    step = undefined
  }
  for (const line of script.trimEnd().split('\n')) {
    const [mark] = line
    if (line.startsWith('$ ') || line.startsWith('# ') || line.startsWith('@ ') || line === '') await finish()
    if (line === '' || mark === '#' || mark === '@') made.push(line)
    if (line.startsWith('@ as ')) role = line.slice(5)
    if (line.startsWith('$ ')) step = { command: line.slice(2), stdin: [], answers: [] }
    if (line.startsWith('< ')) step?.stdin.push(line.slice(2))
    if (line.startsWith('> ')) step?.answers.push(line.slice(2))
  }
  await finish()
  return `${made.join('\n')}\n`
}

async function perform({ command, stdin, answers }: Step, role: string): Promise<string[]> {
  const run = await runInTerminal(wordsOf(actual(command)).slice(1), {
    environment: environmentOf(role),
    home,
    clock,
    stdin: stdin.length === 0 ? undefined : `${actual(stdin.join('\n'))}\n`,
    answers: answers.length === 0 ? undefined : answers.map(actual),
  })
  for (const key of Object.values(keys)) expect(run.stdout + run.stderr).not.toContain(key)
  // How wide its columns are depends on the port and on the folder of this run.
  const settled = (line: string) => (command.includes('config explain') ? line.replace(/ {2,}/g, '  ') : line)
  return [
    `$ ${command}`,
    ...stdin.map((line) => `< ${line}`),
    ...answers.map((line) => `> ${line}`),
    ...run.lines
      .map(settled)
      .map(named)
      .map((line) => (line === '' ? '(empty line)' : line)),
    ...(run.exitCode === 0 ? [] : [`[exit ${run.exitCode}]`]),
  ]
}

function environmentOf(role: string): Record<string, string> {
  if (role === 'nobody') return {}
  const key = role === 'admin' ? keys.admin : role === 'viewer' ? keys.viewer : 'ccl_unknown_0123456789'
  return { CERTCTL_SERVER_URL: server.url, CERTCTL_API_KEY: key, CERTCTL_SERVER_CA_BUNDLE_PATH: join(home, 'ca.pem') }
}

/** Names in transcripts for what differs from run to run. */
function names(): [string, string][] {
  return [
    ['SERVER', server.url],
    ['HOME', home],
    ['ADMIN_KEY', keys.admin],
    ['CA_PIN', parseCertificate(server.caPem).spkiSha256],
  ]
}
const actual = (text: string) => names().reduce((done, [name, value]) => done.replaceAll(name, value), text)
const named = (text: string) => names().reduce((done, [name, value]) => done.replaceAll(value, name), text)

describe('a terminal, line by line', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))

  it('has transcripts to compare', () => {
    expect(files.length).toBeGreaterThanOrEqual(8)
  })

  it.each(files)('reads as %s', async (name) => {
    const path = join(folder, name)
    const written = readFileSync(path, 'utf8')
    const replayed = await replay(written)
    if (process.env.UPDATE_TRANSCRIPTS === '1') writeFileSync(path, replayed)
    else expect(replayed).toBe(written)
  })
})
