import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Secret } from '@certctl/core'
import { createMaterial } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { runCommand } from '../src/run-command.js'
import { maskSecrets, runOrThrow } from '../src/run-or-throw.js'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'certctl-run-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const script = async (text: string): Promise<string> => {
  const path = join(directory, `script-${Math.random().toString(36).slice(2)}`)
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return path
}
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let looks = 0; looks < 2500; looks += 1) {
    if (await holds()) return
    await pause(20)
  }
  throw new Error('it did not come true within fifty seconds')
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
/** A zombie has ended, whether or not somebody has taken note. */
const hasEnded = async (pid: number): Promise<boolean> =>
  !isAlive(pid) || / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z '))

describe('a command', () => {
  it('gives its exit code and both outputs', async () => {
    const path = await script('echo out; echo err >&2; exit 3')
    expect(await runCommand([path])).toEqual({ exitCode: 3, stdout: 'out\n', stderr: 'err\n', timedOut: false })
  })

  it('gets its arguments as they are: no shell reads them', async () => {
    const argv = ['printf', '%s|', '$HOME', '`id`', 'a b', '', '*', "it's", '; rm -rf /']
    expect((await runCommand(argv)).stdout).toBe("$HOME|`id`|a b||*|it's|; rm -rf /|")
  })

  it('gets what it is to read, and else an empty input', async () => {
    expect((await runCommand(['cat'], { stdin: 'ü text' })).stdout).toBe('ü text')
    expect((await runCommand(['cat'], { stdin: Buffer.from('bytes') })).stdout).toBe('bytes')
    expect((await runCommand(['cat'])).stdout).toBe('')
  })

  it('gives binary output byte for byte where that is asked for', async () => {
    const path = await script("printf '\\060\\202\\377\\000\\012'; printf '\\303' >&2")
    const { stdout, stderr } = await runCommand([path], { outputEncoding: 'latin1' })
    expect([...Buffer.from(stdout, 'latin1')]).toEqual([0x30, 0x82, 0xff, 0x00, 0x0a])
    expect(stderr).toBe('\u00c3')
  })

  it('takes with it what it left behind in its group, where that is asked for', async () => {
    const path = await script('sleep 600 >/dev/null 2>&1 & echo $!')
    const left = Number((await runCommand([path], { endGroup: true })).stdout)
    await until(() => hasEnded(left))
    const service = Number((await runCommand([path])).stdout)
    expect(await hasEnded(service)).toBe(false)
    process.kill(service, 'SIGKILL')
  })

  it('gets a minimal environment and what is added, nothing of ours', async () => {
    process.env.CERTCTL_TEST_CANARY = 'canary'
    const { stdout } = await runCommand(['env'], { environment: { EXTRA: 'x' } })
    delete process.env.CERTCTL_TEST_CANARY
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0] ?? '')
    expect(names.sort()).toEqual(['EXTRA', 'HOME', 'LANG', 'PATH'])
  })

  it('runs where it is told to', async () => {
    expect((await runCommand(['pwd'], { cwd: directory })).stdout.trim()).toContain('certctl-run-')
  })

  it('that does not exist, or may not be run, ends as in a shell', async () => {
    const missing = await runCommand(['/no/such/program'])
    expect(missing).toMatchObject({ exitCode: 127, stderr: expect.stringContaining('/no/such/program') })
    const path = join(directory, 'data')
    await writeFile(path, 'x', { mode: 0o644 })
    expect(await runCommand([path])).toMatchObject({ exitCode: 126 })
  })

  it('ended by a signal gives 128 and its number', async () => {
    expect((await runCommand([await script('kill -9 $$')])).exitCode).toBe(137)
  })

  it('must name a program', async () => {
    await expect(runCommand([])).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('keeps the last of an output that is too long', async () => {
    const { stdout } = await runCommand([await script('yes 0123456789 | head -c 5000000; echo end')])
    expect(Buffer.byteLength(stdout)).toBeLessThanOrEqual(1024 * 1024)
    expect(stdout.endsWith('end\n')).toBe(true)
  })

  it('is not waited for where a daemon it started keeps its output open', async () => {
    const path = await script(`sleep 60 & echo $! > ${directory}/pid; echo started`)
    expect(await runCommand([path], { timeLimitSeconds: 30 })).toMatchObject({ exitCode: 0, stdout: 'started\n' })
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8'))
    expect(isAlive(pid)).toBe(true)
    process.kill(pid)
  })
})

describe('a command that takes too long', () => {
  /** Runs into the time limit. A machine that was too slow for the command to leave its sign before that gives it twice the time. */
  const runIntoLimit = async (path: string, sign: string) => {
    for (let timeLimitSeconds = 0.5; ; timeLimitSeconds *= 2) {
      const result = await runCommand([path], { timeLimitSeconds })
      if (existsSync(join(directory, sign))) return result
    }
  }
  const pidIn = async (name: string) => Number(await readFile(join(directory, name), 'utf8'))
  const deafChild = () =>
    script(`trap '' TERM; echo $$ > ${directory}/child; touch ${directory}/deaf; while :; do sleep 1; done`)

  it('is ended at its time limit with everything it started', async () => {
    const path = await script(`sleep 600 & echo $! > ${directory}/pid; echo begun; touch ${directory}/begun; wait`)
    const result = await runIntoLimit(path, 'begun')
    expect(result).toMatchObject({ timedOut: true, stdout: 'begun\n' })
    expect(result.exitCode).not.toBe(0)
    const pid = await pidIn('pid')
    await until(() => hasEnded(pid))
  })

  it('and does not listen is killed, with children that do not listen either', async () => {
    const path = await script(`trap '' TERM; ${await deafChild()} & while :; do sleep 1; done`)
    expect(await runIntoLimit(path, 'deaf')).toMatchObject({ timedOut: true, exitCode: 137 })
    const pid = await pidIn('child')
    await until(() => hasEnded(pid))
  })

  it('and whose leader ended while a child did not listen leaves no child', async () => {
    await runIntoLimit(await script(`${await deafChild()} & wait`), 'deaf')
    const pid = await pidIn('child')
    await until(() => hasEnded(pid))
  })

  it('is ended when its caller is interrupted', async () => {
    const controller = new AbortController()
    const path = await script(`echo $$ > ${directory}/pid; touch ${directory}/begun; exec sleep 600`)
    const running = runCommand([path], { signal: controller.signal })
    await until(() => existsSync(join(directory, 'begun')))
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    expect(await hasEnded(await pidIn('pid'))).toBe(true)
  })

  it('is not started when its caller is interrupted before it begins', async () => {
    const controller = new AbortController()
    const path = await script(`touch ${directory}/ran`)
    const running = runCommand([path], { signal: controller.signal })
    controller.abort()
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    expect(existsSync(join(directory, 'ran'))).toBe(false)
  })

  it('is not started when its caller was interrupted before', async () => {
    const path = await script(`touch ${directory}/ran`)
    await expect(runCommand([path], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    expect(existsSync(join(directory, 'ran'))).toBe(false)
  })
})

describe('runOrThrow', () => {
  const signal = new AbortController().signal
  const host = { run: runCommand }

  it('is silent about success', async () => {
    expect(await runOrThrow(host, ['true'], signal)).toBeUndefined()
  })

  it('tells what a failing command said', async () => {
    const path = await script('echo "[emerg] no such file" >&2; exit 2')
    await expect(runOrThrow(host, [path, 'a'], signal)).rejects.toMatchObject({
      code: 'deploy_failed',
      message: `"${path} a" ended with exit code 2: [emerg] no such file`,
    })
  })

  it('keeps the last 4 KiB of it', async () => {
    const path = await script('yes line | head -n 5000; echo last; exit 1')
    const error: unknown = await runOrThrow(host, [path], signal).catch((reason: unknown) => reason)
    expect(String(error).length).toBeLessThan(4400)
    expect(String(error).endsWith('last')).toBe(true)
  })

  it('says that a command did not end', async () => {
    await expect(runOrThrow(host, ['sleep', '600'], { signal, timeLimitSeconds: 0.2 })).rejects.toThrow(
      'did not end in time',
    )
  })

  it('hands on input and environment, and is interrupted with its caller', async () => {
    const path = await script('read line; echo "$line $WORD"; exit 1')
    const options = { signal, stdin: 'in\n', environment: { WORD: 'env' } }
    await expect(runOrThrow(host, [path], options)).rejects.toThrow('in env')
    await expect(runOrThrow(host, [path], AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' })
  })

  it('masks the secrets it knows, also in the command line', async () => {
    const secrets = [new Secret('hunter2'), new Secret('')]
    const path = await script('echo "password hunter2 is wrong"; exit 1')
    await expect(runOrThrow(host, [path, '--pass=hunter2'], { signal, secrets })).rejects.toThrow(
      `"${path} --pass=[secret]" ended with exit code 1: password [secret] is wrong`,
    )
  })
})

describe('masking', () => {
  const keyOf = async (): Promise<string> => (await createMaterial()).leafs[0].privateKeyPem.reveal()

  it('takes private keys out of a text, and leaves the rest', async () => {
    const key = await keyOf()
    expect(
      maskSecrets(`a\n${key}b\n${key.replace('PRIVATE', 'RSA PRIVATE').replace('END PRIVATE', 'END RSA PRIVATE')}c`),
    ).toBe('a\n[private key]\nb\n[private key]\nc')
  })

  it('takes out a key that is cut off on either side', async () => {
    const key = await keyOf()
    const body = key.split('\n')[1] ?? ''
    expect(maskSecrets(`x ${key.slice(0, 80)}`)).toBe('x [private key]')
    expect(maskSecrets(`${key.slice(40)}rest`)).toBe('[private key]\nrest')
    expect(maskSecrets(key.slice(40) + key.slice(0, 60))).not.toContain(body.slice(-20))
  })

  it('leaves certificates alone', async () => {
    const { certificatePem } = (await createMaterial()).leafs[0]
    expect(maskSecrets(certificatePem)).toBe(certificatePem)
  })
})
