import { existsSync, readFileSync } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isCertctlError, parseConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, createTestRecord, type DnsWorld, testDns } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bindPrograms, keys, type NamedProcess, startNamed } from '../../dns-rfc2136/test/named-process.js'
import script, { configSchema } from '../src/index.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const examples = join(import.meta.dirname, '..', 'examples')
const record = createTestRecord('www.example.test', 1)
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }
const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(() => new Date()), log })

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-hooks-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function hook(name: string, lines: readonly string[]): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'))
  await chmod(path, 0o755)
  return path
}

function createHooks(present_script: string, timeout?: string) {
  return script.create(parseConfig(configSchema, { present_script, timeout }, 'Script'), host)
}

async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
}

/** A process that has ended, whether or not somebody has taken note. */
const hasEnded = (pid: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}
async function untilEnded(pid: string): Promise<void> {
  for (let looks = 0; looks < 3000 && !hasEnded(pid); looks += 1) await new Promise((resume) => setTimeout(resume, 10))
  expect(hasEnded(pid)).toBe(true)
}

describe('a real script', () => {
  it('finds the documented variables and nothing of the server in its environment', async () => {
    process.env.CERTCTL_TEST_SECRET_OF_SERVER = 'must not be seen'
    const output = join(directory, 'environment')
    await createHooks(await hook('environment.sh', [`env > ${output}`])).present(record)
    delete process.env.CERTCTL_TEST_SECRET_OF_SERVER
    const lines = readFileSync(output, 'utf8').split('\n')
    expect(lines).toContain('CERTCTL_DNS_DOMAIN=www.example.test')
    expect(lines).toContain(`CERTCTL_DNS_FQDN=${record.name}`)
    expect(lines).toContain(`CERTCTL_DNS_VALUE=${record.value}`)
    expect(lines).toContain('CERTCTL_DNS_TOKEN=token-1')
    expect(lines.filter((line) => line.startsWith('CERTCTL_'))).toHaveLength(4)
  })

  it('that hangs is ended at the time limit with everything it has started', async () => {
    const pids = join(directory, 'pids')
    const hangs = join(directory, 'hangs')
    const path = await hook('hangs.sh', [`sleep 600 & echo $! > ${pids}; echo $$ >> ${pids}; touch ${hangs}; wait`])
    // A machine that was too slow to get so far is given twice the time.
    for (let seconds = 1; !existsSync(hangs); seconds *= 2)
      expect(await refusal(createHooks(path, `${seconds}s`).present(record))).toMatch(
        new RegExp(`^upstream_unavailable: .*within ${seconds} s`),
      )
    for (const pid of readFileSync(pids, 'utf8').trim().split('\n')) await untilEnded(pid)
  })

  it('that leaves something behind leaves nothing behind', async () => {
    const pids = join(directory, 'left')
    await createHooks(await hook('forks.sh', [`sleep 600 >/dev/null 2>&1 & echo $! > ${pids}`])).present(record)
    await untilEnded(readFileSync(pids, 'utf8').trim())
  })

  it('that floods its output is cut short, and its end is what is shown', async () => {
    const path = await hook('floods.sh', ['yes flood | head -c 20000000 >&2', 'echo the end >&2', 'exit 4'])
    const text = await refusal(createHooks(path).present(record))
    expect(text).toMatch(/exit code 4/)
    expect(text).toContain('the end')
    expect(text.length).toBeLessThan(2000)
  })

  it('that others may write to is not run', async () => {
    const flag = join(directory, 'was-run')
    const path = await hook('open.sh', [`touch ${flag}`])
    await chmod(path, 0o777)
    expect(await refusal(createHooks(path).present(record))).toMatch(/^config_invalid: .*chmod go-w/)
    await mkdir(join(directory, 'open'))
    await chmod(join(directory, 'open'), 0o777)
    await copyFile(path, join(directory, 'open', 'hook.sh'))
    await chmod(join(directory, 'open', 'hook.sh'), 0o755)
    expect(await refusal(createHooks(join(directory, 'open', 'hook.sh')).present(record))).toMatch(
      /^config_invalid: .*folder/,
    )
    expect(await readdir(directory)).not.toContain('was-run')
  })
})

if (bindPrograms === undefined && !required)
  it.skip('skipped: BIND (named, dig, nsupdate) is not installed', () => undefined)
else if (bindPrograms === undefined)
  it('BIND is installed, since CERTCTL_TEST_REAL=required', () => expect(bindPrograms).toBeDefined())
else runExamples(bindPrograms)

function runExamples(programs: NonNullable<typeof bindPrograms>): void {
  describe('contract, by the scripts of examples/ and a real BIND', () => {
    let named: NamedProcess
    let hooks: { present_script: string; cleanup_script: string }
    beforeAll(async () => {
      named = await startNamed(programs)
      const folder = join(directory, 'nsupdate')
      await mkdir(folder)
      const keyFile = join(folder, 'certctl.key')
      const [key] = keys
      await writeFile(keyFile, `key "${key?.name}" { algorithm ${key?.algorithm}; secret "${key?.secret}"; };\n`, {
        mode: 0o600,
      })
      await writeFile(join(folder, 'nsupdate.conf'), `SERVER=127.0.0.1\nPORT=${named.port}\nKEY_FILE=${keyFile}\n`)
      const install = async (name: string) => {
        await copyFile(join(examples, name), join(folder, name))
        await chmod(join(folder, name), 0o755)
        return join(folder, name)
      }
      hooks = {
        present_script: await install('nsupdate-present.sh'),
        cleanup_script: await install('nsupdate-cleanup.sh'),
      }
    })
    afterAll(() => named.stop())

    testDns({
      test: it,
      definition: script,
      config: { present_script: '/placeholder/present.sh', cleanup_script: '/placeholder/cleanup.sh' },
      createWorld: async (): Promise<DnsWorld> => ({ ...(await named.createWorld()), config: hooks }),
    })
  })
}
