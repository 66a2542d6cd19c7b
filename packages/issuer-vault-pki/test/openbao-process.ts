import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type JsonValue, z } from '@certctl/core'
import { createHttpClient } from '@certctl/kit'
import { generateKey } from '@certctl/pki'
import { createTestCa, unusedPort } from '@certctl/testing'

const folders = [
  join(process.env.CERTCTL_REAL_HOME ?? '/var/tmp/certctl-real', 'bin'),
  ...(process.env.PATH ?? '').split(delimiter),
]
/** Where the program is; `undefined`: not installed here (.ci/real/openbao does that). */
export const baoPath = folders.map((folder) => join(folder, 'bao')).find(existsSync)

const initSchema = z.object({ root_token: z.string(), keys: z.array(z.string()) })

export interface OpenBao {
  readonly address: string
  readonly directory: string
  /** PEM file with the CA of its listener. */
  readonly caPath: string
  readonly caPem: string
  rootToken(): string
  /** Any call with the root token; rejects what is not 2xx. */
  api(method: string, path: string, json?: JsonValue, namespace?: string): Promise<unknown>
  bytes(method: string, path: string, body?: Uint8Array): Promise<Uint8Array>
  stop(): Promise<void>
  /** It comes up sealed. */
  start(): Promise<void>
  unseal(): Promise<void>
  close(): Promise<void>
}

/** A real OpenBao with storage on disk, TLS and a port of its own, initialized and unsealed. */
export async function startOpenBao(program: string): Promise<OpenBao> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-openbao-'))
  const port = await unusedPort()
  const address = `https://127.0.0.1:${port}`
  const { caPem, caPath } = await writeConfiguration(directory, port)
  const http = createHttpClient({ baseUrl: address, tls: { caPem } })
  const keys = { root: '', unseal: '' }
  let child: ChildProcess | undefined

  const call = async (
    method: string,
    path: string,
    given: { json?: JsonValue; body?: Uint8Array; namespace?: string },
  ) => {
    const type = given.body === undefined ? {} : { 'content-type': 'application/ocsp-request' }
    const headers = { 'x-vault-token': keys.root, 'x-vault-namespace': given.namespace, ...type }
    const response = await http.request({ method, path: `/v1/${path}`, headers, json: given.json, body: given.body })
    if (response.status < 300) return response
    throw new Error(`${method} ${path}: ${response.status} ${response.text()}`)
  }
  const api: OpenBao['api'] = async (method, path, json, namespace) => {
    const text = (await call(method, path, { ...(json && { json }), ...(namespace && { namespace }) })).text()
    return text === '' ? {} : JSON.parse(text)
  }
  const isUp = async (): Promise<boolean> =>
    await http.request({ method: 'GET', path: '/v1/sys/health' }).then(
      () => true,
      () => false,
    )
  const start = async (): Promise<void> => {
    const log = await open(join(directory, 'log'), 'a')
    child = spawn(program, ['server', `-config=${join(directory, 'bao.hcl')}`], { stdio: ['ignore', log.fd, log.fd] })
    await log.close()
    await until(async () => {
      if (child?.exitCode !== null) throw new Error(`it did not start\n${await logOf(directory)}`)
      return await isUp()
    }, directory)
  }
  const unseal = async (): Promise<void> => {
    await api('PUT', 'sys/unseal', { key: keys.unseal })
    // Unsealed is said before the mounts answer.
    await until(async () => (await http.request({ method: 'GET', path: '/v1/sys/health' })).status === 200, directory)
  }
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }

  await start()
  const made = initSchema.parse(await api('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }))
  keys.root = made.root_token
  keys.unseal = made.keys[0] ?? ''
  await unseal()
  return {
    address,
    directory,
    caPath,
    caPem,
    rootToken: () => keys.root,
    api,
    bytes: async (method, path, body) => (await call(method, path, body === undefined ? {} : { body })).body,
    start,
    stop,
    unseal,
    async close() {
      await stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function writeConfiguration(directory: string, port: number): Promise<{ caPem: string; caPath: string }> {
  const clusterPort = await unusedPort()
  const ca = await createTestCa()
  const { privateKeyPem, spki } = await generateKey('EC-P256')
  const leaf = await ca.certify(spki, { names: [{ type: 'ip', value: '127.0.0.1' }] })
  const caPath = join(directory, 'ca.pem')
  await mkdir(join(directory, 'data'))
  await writeFile(caPath, ca.rootPem)
  await writeFile(join(directory, 'tls.pem'), leaf + ca.intermediatePem)
  await writeFile(join(directory, 'tls.key'), privateKeyPem, { mode: 0o600 })
  const configuration = `storage "raft" {
  path = "${directory}/data"
  node_id = "one"
  performance_multiplier = 1
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  cluster_address = "127.0.0.1:${clusterPort}"
  tls_cert_file = "${directory}/tls.pem"
  tls_key_file = "${directory}/tls.key"
}
api_addr = "https://127.0.0.1:${port}"
cluster_addr = "https://127.0.0.1:${clusterPort}"
`
  await writeFile(join(directory, 'bao.hcl'), configuration)
  return { caPem: ca.rootPem, caPath }
}

/** Polls for at most three minutes. */
export async function until(holds: () => Promise<boolean>, directory?: string): Promise<void> {
  const end = performance.now() + 180_000
  for (;;) {
    const isLast = performance.now() > end
    if (await holds()) return
    if (isLast) break
    await pause(50)
  }
  throw new Error(`it did not come true within three minutes\n${directory === undefined ? '' : await logOf(directory)}`)
}

async function logOf(directory: string): Promise<string> {
  return (await readFile(join(directory, 'log'), 'utf8')).slice(-2000)
}
