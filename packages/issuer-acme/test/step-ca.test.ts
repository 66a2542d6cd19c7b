import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CertctlError, type IssuerHost } from '@certctl/core'
import { createHttpClient, createNodeHost } from '@certctl/kit'
import { parseCertificate } from '@certctl/pki'
import { createMemoryState, createTestCa, issuedRefOf, unusedPort } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { dns, never, requestFor, settle, start, valid } from './orders.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'
const folders = [
  join(process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real', 'bin'),
  ...(process.env.PATH ?? '').split(delimiter),
]
/** Where the program is; `undefined`: not installed here (.ci/real/step-ca does that). */
const program = folders.map((folder) => join(folder, 'step-ca')).find(existsSync)

if (program === undefined && !required) it.skip('skipped: step-ca is not installed', () => undefined)
else if (program === undefined)
  it('step-ca is installed, since CERTCTL_TEST_REAL=required', () => expect(program).toBeDefined())
else runLive(program)

interface StepCa {
  directoryUrl: string
  caPath: string
  close(): Promise<void>
}

function runLive(path: string): void {
  const answers = new Map<string, string>()
  let responder: Server
  let ca: StepCa
  beforeAll(async () => {
    responder = createServer((request, response) => {
      const found = answers.get((request.url ?? '').split('/').at(-1) ?? '')
      response.writeHead(found === undefined ? 404 : 200).end(found)
    })
    await new Promise<void>((resolve) => responder.listen(0, '127.0.0.1', resolve))
    ca = await startStepCa(path, portOf(responder))
  })
  afterAll(async () => {
    await ca?.close()
    await new Promise((resolve) => responder.close(resolve))
  })

  const createHost = (): IssuerHost => {
    const log = { debug: () => {}, info: () => {}, warn: () => {} }
    const clock = {
      now: () => new Date(),
      delay: async (seconds: number, signal: AbortSignal) => await pause(seconds * 20, undefined, { signal }),
    }
    const host = createNodeHost({ instance: { id: 'step' }, state: createMemoryState(clock.now), log, clock })
    return {
      ...host,
      challenges: {
        async publish(answer) {
          if (answer.kind === 'http-01') answers.set(answer.token, answer.keyAuthorization)
          return 'published'
        },
        async withdraw(answer) {
          if (answer.kind === 'http-01') answers.delete(answer.token)
        },
      },
      dns: async () => {
        throw new CertctlError('unsupported', 'no DNS here')
      },
    }
  }
  const config = () => ({ directory_url: ca.directoryUrl, ca_bundle_path: ca.caPath })

  describe('step-ca as the ACME server', () => {
    it('issues for a name and an address, and revokes', async () => {
      const host = createHost()
      const address = { type: 'ip', value: '127.0.0.1' } as const
      const connector = start(host, config())
      expect((await connector.test?.(never))?.detail).toMatch(/the account is made with the first order/)
      const outcome = valid(await settle(host, () => connector, await requestFor([dns('localhost'), address])))
      const certificate = parseCertificate(outcome.certificatePem)
      expect([...certificate.names].sort((a, b) => a.value.localeCompare(b.value))).toEqual([address, dns('localhost')])
      expect(answers.size).toBe(0)
      const request = {
        id: 'r',
        attempt: 1,
        firstAskedAt: new Date(),
        reason: 'superseded',
        reasonText: 'new',
      } as const
      for (let time = 1; time <= 2; time += 1)
        expect(await connector.revoke?.({ ...request, certificate: issuedRefOf(outcome), signal: never })).toEqual({
          status: 'confirmed',
        })
    })
  })
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port
}

async function startStepCa(path: string, httpPort: number): Promise<StepCa> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-step-'))
  const [port, ca] = [await unusedPort(), await createTestCa()]
  const file = (name: string) => join(directory, name)
  await writeFile(file('root.pem'), ca.rootPem)
  await writeFile(file('ca.pem'), ca.intermediatePem)
  await writeFile(file('ca.key'), ca.intermediateKeyPem, { mode: 0o600 })
  const configuration = {
    root: file('root.pem'),
    crt: file('ca.pem'),
    key: file('ca.key'),
    address: `127.0.0.1:${port}`,
    dnsNames: ['127.0.0.1'],
    db: { type: 'badgerv2', dataSource: file('db') },
    authority: { provisioners: [{ type: 'ACME', name: 'acme' }] },
  }
  await writeFile(file('ca.json'), JSON.stringify(configuration))
  const log = await open(file('log'), 'a')
  const argv = [file('ca.json'), '--insecure', '--acme-http-port', String(httpPort)]
  const child = spawn(path, argv, { stdio: ['ignore', log.fd, log.fd], env: { ...process.env, STEPPATH: directory } })
  await log.close()
  const base = `https://127.0.0.1:${port}`
  const close = async () => {
    await stop(child)
    await rm(directory, { recursive: true, force: true })
  }
  const client = createHttpClient({ baseUrl: base, tls: { caPem: ca.rootPem } })
  const end = performance.now() + 180_000
  for (;;) {
    const isLast = performance.now() > end
    const isUp = await client.request({ method: 'GET', path: '/acme/acme/directory' }).then(
      ({ status }) => status === 200,
      () => false,
    )
    if (isUp) break
    if (isLast || child.exitCode !== null) {
      const text = await readFile(file('log'), 'utf8')
      await close()
      throw new Error(`step-ca did not start\n${text}`)
    }
    await pause(50)
  }
  return { directoryUrl: `${base}/acme/acme/directory`, caPath: file('root.pem'), close }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
