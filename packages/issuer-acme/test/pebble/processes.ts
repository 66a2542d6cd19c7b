import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JsonValue } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import { generateKey } from '@certctl/pki'
import { createTestCa, unusedPort } from '@certctl/testing'

const folders = [
  join(process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real', 'bin'),
  ...(process.env.PATH ?? '').split(delimiter),
]
const find = (program: string) => folders.map((folder) => join(folder, program)).find(existsSync)

/** Where the programs are; `undefined`: not installed here (.ci/real/pebble does that). */
export const pebblePrograms = programs()

interface Programs {
  pebble: string
  /** Pebble that lets accounts revoke what they have proven (RFC 8555 §7.6), which it does not as it comes. */
  byProof: string
  challtestsrv: string
}

function programs(): Programs | undefined {
  const [pebble, byProof, challtestsrv] = [find('pebble'), find('pebble-by-proof'), find('pebble-challtestsrv')]
  return pebble === undefined || byProof === undefined || challtestsrv === undefined
    ? undefined
    : { pebble, byProof, challtestsrv }
}

export interface PebbleOptions {
  /** Into the `pebble` part of its configuration. */
  config?: Readonly<Record<string, JsonValue>> | undefined
  environment?: Readonly<Record<string, string>> | undefined
  /** Where it looks for http-01 answers; its own test server where not given. */
  httpPort?: number | undefined
  /** The name server it asks, `address:port`; its own test server where not given. */
  dnsServer?: string | undefined
}

/** A real Pebble with its DNS and challenge server, on ports of their own. */
export interface Pebble {
  readonly directoryUrl: string
  readonly directory: string
  /** PEM file with the CA of its listener. */
  readonly caPath: string
  readonly dnsAddress: string
  /** The challenge server's management address. */
  readonly toolUrl: string
  /** JSON to the challenge server's management address. */
  tell(path: string, json: JsonValue): Promise<void>
  /** The management address of Pebble itself: `/roots/0`. */
  manage(path: string): Promise<string>
  /** What it answers when it is asked about the renewal of this certificate, whatever it is. */
  setRenewalInfo(certificatePem: string, answer: string): Promise<void>
  /** What both programs wrote so far. */
  log(): Promise<string>
  close(): Promise<void>
}

export async function startPebble(
  { pebble, challtestsrv }: Pick<Programs, 'pebble' | 'challtestsrv'>,
  options: PebbleOptions = {},
): Promise<Pebble> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-pebble-'))
  const [port, managementPort, ownHttpPort] = [await unusedPort(), await unusedPort(), await unusedPort()]
  const [tlsPort, dnsPort, toolPort] = [await unusedPort(), await unusedPort(), await unusedPort()]
  const { httpPort = ownHttpPort } = options
  const http01 = options.httpPort === undefined ? `127.0.0.1:${httpPort}` : ''
  const listener = await writeListener(directory)
  const configuration = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: listener.certificatePath,
      privateKey: listener.keyPath,
      httpPort,
      tlsPort,
      retryAfter: { authz: 1, order: 1 },
      keyAlgorithm: 'ecdsa',
      ...options.config,
    },
  }
  await writeFile(join(directory, 'pebble.json'), JSON.stringify(configuration))
  const ownDns = `127.0.0.1:${dnsPort}`
  const dnsAddress = options.dnsServer ?? ownDns
  const tool = `http://127.0.0.1:${toolPort}`
  const children: ChildProcess[] = []
  const launch = async (program: string, argv: readonly string[], environment = {}) => {
    const log = await open(join(directory, 'log'), 'a')
    children.push(spawn(program, argv, { stdio: ['ignore', log.fd, log.fd], env: { ...process.env, ...environment } }))
    await log.close()
  }
  await launch(challtestsrv, [
    ...['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dnsserver', ownDns, '-doh', '', '-https01', ''],
    ...['-http01', http01, '-tlsalpn01', `127.0.0.1:${tlsPort}`, '-management', tool.slice(7)],
  ])
  // One nonce in twelve is refused. Six refusals in a row are an error of ours; of one in five, a run in thirty would meet them by chance.
  const quick = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '8', ...options.environment }
  await launch(pebble, ['-config', join(directory, 'pebble.json'), '-dnsserver', dnsAddress], quick)

  const tls = { caPem: listener.caPem }
  const clients = {
    acme: createHttpClient({ baseUrl: `https://127.0.0.1:${port}`, tls }),
    management: createHttpClient({ baseUrl: `https://127.0.0.1:${managementPort}`, tls }),
    tool: createHttpClient({ baseUrl: tool }),
  }
  const close = async () => {
    await Promise.all(children.map(stop))
    await rm(directory, { recursive: true, force: true })
  }
  try {
    await until(directory, () => clients.acme.request({ method: 'GET', path: '/dir' }))
    await until(directory, () => clients.tool.request({ method: 'POST', path: '/clear-txt', json: { host: 'x.' } }))
  } catch (error) {
    await close()
    throw error
  }
  return {
    directoryUrl: `https://127.0.0.1:${port}/dir`,
    directory,
    caPath: listener.caPath,
    dnsAddress,
    toolUrl: tool,
    async tell(path, json) {
      const { status } = await clients.tool.request({ method: 'POST', path, json })
      if (status !== 200) throw new Error(`${path}: ${status}`)
    },
    manage: async (path) => (await clients.management.request({ method: 'GET', path })).text(),
    async setRenewalInfo(Certificate, ARIResponse) {
      const json = { Certificate, ARIResponse }
      const { status } = await clients.management.request({ method: 'POST', path: '/set-renewal-info/', json })
      if (status !== 200) throw new Error(`/set-renewal-info/: ${status}`)
    },
    log: async () => await readFile(join(directory, 'log'), 'utf8'),
    close,
  }
}

async function writeListener(directory: string) {
  const ca = await createTestCa()
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const leaf = await ca.certify(spki, { names: [{ type: 'ip', value: '127.0.0.1' }] })
  const [certificatePath, keyPath, caPath] = ['tls.crt', 'tls.key', 'ca.pem'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(certificatePath, leaf + ca.intermediatePem)
  await writeFile(keyPath, privateKeyPem, { mode: 0o600 })
  await writeFile(caPath, ca.rootPem)
  return { certificatePath, keyPath, caPath, caPem: ca.rootPem }
}

const startSeconds = 180

async function until(directory: string, ask: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + startSeconds * 1000
  for (;;) {
    const isLast = performance.now() > end
    try {
      await ask()
      return
    } catch (error) {
      if (isLast) throw new Error(`${String(error)}\n${await readFile(join(directory, 'log'), 'utf8')}`)
      await pause(50)
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
