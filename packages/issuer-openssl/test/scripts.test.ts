import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type IssuanceRequest, isCertctlError, parseConfig } from '@certctl/core'
import { generateKey, parseCertificate, splitCertificates } from '@certctl/pki'
import { createIssuanceRequest, createTestCa, issuedRefOf, type TestCa } from '@certctl/testing'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import openssl from '../src/index.js'
import { nodeHost } from './real-ca.js'

const never = new AbortController().signal
let folder: string
let ca: TestCa
let asked: IssuanceRequest
let signed: string

beforeAll(async () => {
  ca = await createTestCa()
  asked = await createIssuanceRequest({ names: [{ type: 'dns', value: 'www.example.test' }] })
  signed = await ca.sign(asked.csrPem)
})
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certctl-scripts-'))
  writeFileSync(join(folder, 'leaf.pem'), signed)
  writeFileSync(join(folder, 'chain.pem'), ca.intermediatePem + ca.rootPem)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A script in the test's folder; `$F` is that folder. */
function script(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\nF=${folder}\n${text}\n`, { mode: 0o755 })
  return path
}

function start(config: Readonly<Record<string, unknown>>, host = nodeHost()) {
  return openssl.create(parseConfig(openssl.configSchema, config, openssl.type), host)
}

async function faultOf(
  text: string,
  config: Readonly<Record<string, unknown>> = {},
): Promise<Error & { code: string }> {
  const connector = start({ sign_script: script('sign', text), ...config })
  try {
    const outcome = await connector.issue(asked)
    throw new Error(`it answered ${outcome.status}`)
  } catch (error) {
    if (!isCertctlError(error)) throw error
    return error
  }
}

/** The fault of a script that never ends by itself, and its time limit: the shortest in which so many processes wrote down their ids, as on a slow machine it takes longer until a script hangs. */
async function faultOfHanging(text: string, processes = 1) {
  for (let limit = 1; ; limit *= 2) {
    rmSync(join(folder, 'pids'), { force: true })
    const fault = await faultOf(text, { timeout_seconds: limit })
    if (pids().length === processes || limit > 30) return { fault, limit }
  }
}

/** Of whole lines. */
function pids(): string[] {
  const path = join(folder, 'pids')
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
}

/** Processes write their ids into the folder; all of them must be gone, or be zombies that nobody has taken note of. */
async function expectNobodyLeft(processes = 1): Promise<void> {
  const ids = pids()
  expect(ids).toHaveLength(processes)
  for (const id of ids) {
    for (let looks = 0; looks < 3000 && isRunning(id); looks += 1) await pause(20)
    expect({ id, running: isRunning(id) }).toEqual({ id, running: false })
  }
}

function isRunning(id: string): boolean {
  try {
    return !/ Z /.test(readFileSync(`/proc/${id}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('a script that does harm', () => {
  it('by hanging is stopped at the time limit', async () => {
    const { fault, limit } = await faultOfHanging('echo $$ >>$F/pids; cat >/dev/null; sleep 600')
    const message = expect.stringContaining(`within ${limit} s`)
    expect(fault).toMatchObject({ code: 'upstream_unavailable', message })
    await expectNobodyLeft()
  })

  it('by forking and hanging is stopped with its children', async () => {
    const children = 'sleep 600 & echo $! >>$F/pids; sleep 601 & echo $! >>$F/pids'
    const { fault } = await faultOfHanging(`echo $$ >>$F/pids; ${children}; wait`, 3)
    expect(fault.code).toBe('upstream_unavailable')
    await expectNobodyLeft(3)
  })

  it('by ignoring TERM is killed', async () => {
    const { fault } = await faultOfHanging("trap '' TERM; echo $$ >>$F/pids; while :; do sleep 1; done")
    expect(fault.code).toBe('upstream_unavailable')
    await expectNobodyLeft()
  })

  it('by leaving a child behind that holds its output takes it along, and its certificate counts', async () => {
    const sign_script = script('sign', 'sleep 600 & echo $! >>$F/pids; cat $F/leaf.pem')
    expect(await start({ sign_script }).issue(asked)).toMatchObject({ status: 'valid', certificatePem: signed })
    await expectNobodyLeft()
  })

  it('by flooding its output without end is stopped, and nothing is taken from the flood', async () => {
    const { fault } = await faultOfHanging('echo $$ >>$F/pids; cat $F/leaf.pem; exec yes flood')
    expect(fault.code).toBe('upstream_unavailable')
    await expectNobodyLeft()
  })

  it('by printing ten MiB around a certificate is refused', async () => {
    const fault = await faultOf('head -c 10485760 /dev/zero | tr "\\\\0" x; echo; cat $F/leaf.pem', {
      timeout_seconds: 110,
    })
    expect(fault).toMatchObject({ code: 'upstream_protocol', message: expect.stringContaining('1 MiB') })
  })

  it('by flooding its error output is told from its last line', async () => {
    const fault = await faultOf('head -c 3000000 /dev/zero | tr "\\\\0" e >&2; echo >&2; echo "the end" >&2; exit 1', {
      timeout_seconds: 110,
    })
    expect(fault.message).toMatch(/sign ended with exit code 1: the end$/)
  })

  it.each([
    ['nothing', 'true', 'printed no certificate'],
    ['garbage', 'head -c 4000 /dev/urandom', 'printed'],
    ['a page', 'echo "<html>502</html>"', 'printed no certificate'],
    ['half a certificate', 'head -c 300 $F/leaf.pem', 'cannot be read'],
    [
      'what only looks like one',
      'printf -- "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"',
      'read',
    ],
    ['the CSR', 'cat', 'printed no certificate'],
  ])('by printing %s is a protocol error', async (_what, text, message) => {
    expect(await faultOf(text)).toMatchObject({ code: 'upstream_protocol', message: expect.stringContaining(message) })
  })

  it('by printing a certificate for another key is refused, and the certificate is not taken', async () => {
    const { spki } = await generateKey('EC-P256')
    writeFileSync(join(folder, 'other.pem'), await ca.certify(spki, { names: asked.names }))
    const fault = await faultOf('cat $F/other.pem $F/chain.pem')
    expect(fault).toMatchObject({ code: 'issued_mismatch', message: expect.stringContaining('for the key of the CSR') })
  })

  it('by reading nothing of its input is judged by what it prints', async () => {
    const sign_script = script('sign', 'exec <&-; cat $F/leaf.pem')
    const big = { ...asked, context: { certificateId: 'x'.repeat(10_000) } }
    expect(await start({ sign_script }).issue(big)).toMatchObject({ status: 'valid' })
  })
})

describe('a script that fails', () => {
  it.each([
    [
      'exit 1 with a reason',
      'echo first >&2; echo "policy forbids www" >&2; echo >&2; exit 1',
      'upstream_rejected',
      'policy forbids www',
    ],
    ['exit 3 in silence', 'exit 3', 'upstream_rejected', 'exit code 3: it said nothing'],
    ['exit 75, for later', 'echo "database is locked" >&2; exit 75', 'upstream_unavailable', 'database is locked'],
    ['a program it has not', 'no-such-program-anywhere', 'config_invalid', 'cannot be run'],
    ['a signal', 'kill -9 $$', 'upstream_rejected', 'exit code 137'],
  ])('by %s gets the right code and says why', async (_what, text, code, message) => {
    expect(await faultOf(text)).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  it('cannot put control characters or a private key into the message', async () => {
    const fault = await faultOf(
      'printf "\\\\033[2Jred -----BEGIN PRIVATE KEY-----MIIsecret-----END PRIVATE KEY----- end\\\\n" >&2; exit 1',
    )
    expect([...fault.message].filter((character) => character < ' ')).toEqual([])
    expect(fault.message).not.toContain('MIIsecret')
    expect(fault.message).toContain('[private key] end')
  })

  it('is stopped when the caller gives up', async () => {
    const controller = new AbortController()
    const sign_script = script('sign', 'echo $$ >>$F/pids; sleep 600')
    const issuing = start({ sign_script }).issue({ ...asked, signal: controller.signal })
    for (let looks = 0; looks < 1000 && pids().length === 0; looks += 1) await pause(20)
    controller.abort()
    await expect(issuing).rejects.toMatchObject({ code: 'aborted' })
    await expectNobodyLeft()
  })
})

describe('what a script is given', () => {
  it('is the CSR on its input, the context in its environment, and nothing of the server', async () => {
    process.env.CERTCTL_TEST_CANARY = 'canary'
    const sign_script = script(
      'sign',
      'cat >$F/stdin; env | sort >$F/env; pwd >$F/cwd; echo "$#" >$F/count; cat $F/leaf.pem',
    )
    const notAfter = new Date('2027-01-02T03:04:05.678Z')
    await start({ sign_script }).issue({ ...asked, attempt: 2, notAfter, product: 'web' })
    delete process.env.CERTCTL_TEST_CANARY
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    expect(read('stdin')).toBe(asked.csrPem)
    expect(read('count')).toBe('0\n')
    expect(read('env')).not.toContain('canary')
    const environment = Object.fromEntries(
      read('env')
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s)),
    )
    expect(environment).toMatchObject({
      CERTCTL_ORDER_ID: asked.id,
      CERTCTL_ATTEMPT: '2',
      CERTCTL_CERTIFICATE_ID: 'test-certificate',
      CERTCTL_COMMON_NAME: 'www.example.test',
      CERTCTL_NAMES: 'www.example.test',
      CERTCTL_EXTENDED_KEY_USAGES: 'serverAuth',
      CERTCTL_NOT_AFTER: '2027-01-02T03:04:05Z',
      CERTCTL_PROFILE: 'web',
      TMPDIR: read('cwd').trim(),
    })
    // Its directory was its own, and is gone.
    expect(existsSync(read('cwd').trim())).toBe(false)
  })

  it('to revoke: serial number and reason as arguments, the rest by environment, the certificate in a file', async () => {
    const sign_script = script('sign', 'cat $F/leaf.pem')
    const revoke_script = script(
      'revoke',
      'printf "%s\\\\n" "$#" "$@" >$F/args; env >$F/env; cp "$CERTCTL_CERT_FILE" $F/cert; stat -c %a "$CERTCTL_CERT_FILE" >$F/mode',
    )
    const certificate = issuedRefOf({ certificatePem: signed, chainPem: '' })
    const revocation = { id: 'r-9', attempt: 1, firstAskedAt: new Date(), signal: never, certificate }
    const { revoke } = start({ sign_script, revoke_script })
    expect(await revoke?.({ ...revocation, reason: 'keyCompromise', reasonText: 'lost; rm -rf /' })).toEqual({
      status: 'confirmed',
    })
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    expect(read('args')).toBe(`2\n${certificate.serialNumber}\nkeyCompromise\n`)
    expect(read('cert')).toBe(signed)
    expect(read('mode')).toBe('600\n')
    expect(read('env')).toContain('CERTCTL_REASON=keyCompromise\n')
    expect(read('env')).toContain('CERTCTL_REASON_TEXT=lost; rm -rf /\n')
    expect(read('env')).toContain(`CERTCTL_SERIAL_NUMBER=${certificate.serialNumber}\n`)
    expect(read('env')).toContain('CERTCTL_REVOCATION_ID=r-9\n')
    await revoke?.({ ...revocation, reason: 'unspecified', reasonText: 'x' })
    expect(read('args')).toBe(`1\n${certificate.serialNumber}\n`)
  })

  it.each(['', 'AB', '0x1f', 'ab cd', '-e', 'a'.repeat(41), '1;id'])(
    'is never %j for a serial number',
    async (serialNumber) => {
      const path = script('sign', 'touch $F/ran')
      const certificate = { ...issuedRefOf({ certificatePem: signed, chainPem: '' }), serialNumber }
      const revocation = { id: 'r', attempt: 1, firstAskedAt: new Date(), reasonText: 'x', signal: never }
      const { revoke } = start({ sign_script: path, revoke_script: path })
      await expect(revoke?.({ ...revocation, certificate, reason: 'superseded' })).rejects.toMatchObject({
        code: 'request_malformed',
      })
      expect(existsSync(join(folder, 'ran'))).toBe(false)
    },
  )

  it('is no CSR that asks for a name nobody approved', async () => {
    const path = script('sign', 'touch $F/ran')
    const names = [...asked.names, { type: 'dns', value: 'other.example.test' } as const]
    const more = await createIssuanceRequest({ names: asked.names, csrNames: names })
    await expect(start({ sign_script: path }).issue(more)).rejects.toMatchObject({ code: 'csr_rejected' })
    expect(existsSync(join(folder, 'ran'))).toBe(false)
  })
})

describe('what a script prints', () => {
  it('may have text around its blocks, the chain in any order, and the leaf anywhere', async () => {
    const sign_script = script(
      'sign',
      'echo "Certificate:"; cat $F/chain.pem; echo "Data: x"; cat $F/leaf.pem; echo done',
    )
    const outcome = await start({ sign_script }).issue(asked)
    if (outcome.status !== 'valid') throw new Error(outcome.status)
    expect(outcome.certificatePem).toBe(signed)
    expect(splitCertificates(outcome.chainPem)).toEqual([ca.intermediatePem, ca.rootPem])
  })

  it('is completed from the CA file, each certificate once', async () => {
    const sign_script = script('sign', 'cat $F/leaf.pem $F/chain.pem | head -n 40')
    const outcome = await start({ sign_script, ca_cert_path: join(folder, 'chain.pem') }).issue(asked)
    if (outcome.status !== 'valid') throw new Error(outcome.status)
    expect(splitCertificates(outcome.chainPem)).toEqual([ca.intermediatePem, ca.rootPem])
  })

  it('as CRL is refused when it is none', async () => {
    const sign_script = script('sign', 'true')
    for (const text of ['true', 'cat $F/leaf.pem', 'head -c 500 /dev/urandom', 'exit 1']) {
      const { crl } = start({ sign_script, crl_script: script('crl', text) })
      const code = text === 'exit 1' ? 'upstream_rejected' : 'upstream_protocol'
      await expect(crl?.(never)).rejects.toMatchObject({ code })
    }
  })

  it('is not waited for where the CA file cannot be read: a certificate would be lost', async () => {
    const sign_script = script('sign', 'touch $F/ran; cat $F/leaf.pem')
    const missing = start({ sign_script, ca_cert_path: join(folder, 'none.pem') })
    await expect(missing.issue(asked)).rejects.toMatchObject({ code: 'config_invalid' })
    const leaf = start({ sign_script, ca_cert_path: join(folder, 'leaf.pem') })
    await expect(leaf.issue(asked)).rejects.toThrow('is not of a CA')
    expect(existsSync(join(folder, 'ran'))).toBe(false)
  })
})

describe('a script that is not safe is not run', () => {
  const refused = async (path: string, message: string) => {
    const connector = start({ sign_script: path })
    for (const call of [() => connector.issue(asked), () => connector.test?.(never)])
      await expect(call()).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining(message) })
    expect(existsSync(join(folder, 'ran'))).toBe(false)
  }

  it.each([
    [0o775, 'chmod go-w'],
    [0o757, 'chmod go-w'],
    [0o644, 'cannot be executed'],
  ])('with mode %o', async (mode, message) => {
    const path = script('sign', 'touch $F/ran; cat $F/leaf.pem')
    chmodSync(path, mode)
    await refused(path, message)
  })

  it('because it is missing, or a folder', async () => {
    await refused(join(folder, 'none'), 'does not exist')
    await refused(folder, 'is not a file')
  })

  it('because others may replace it where it lies, also behind a link', async () => {
    const open = join(folder, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    writeFileSync(join(open, 'sign'), `#!/bin/sh\ntouch ${folder}/ran\n`, { mode: 0o755 })
    symlinkSync(join(open, 'sign'), join(folder, 'link'))
    await refused(join(folder, 'link'), 'where others may replace it')
  })

  it('because one of the scripts beside it is not', async () => {
    const sign_script = script('sign', 'cat $F/leaf.pem')
    const revoke_script = script('revoke', 'true')
    chmodSync(revoke_script, 0o777)
    await expect(start({ sign_script, revoke_script }).test?.(never)).rejects.toThrow(`${revoke_script} is not run`)
  })
})

describe('a test of the connection', () => {
  it('finds a CA that has ended', async () => {
    const host = nodeHost()
    const end = parseCertificate(ca.intermediatePem).notAfter
    const late = { ...host, now: () => new Date(end.getTime() + 1000) }
    const config = { sign_script: script('sign', 'true'), ca_cert_path: join(folder, 'chain.pem') }
    await expect(start(config, late).test?.(never)).rejects.toMatchObject({ code: 'config_invalid' })
    expect(await start(config, host).test?.(never)).toMatchObject({
      detail: expect.stringContaining('sign can be run'),
    })
  })
})
