import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { parseTargetConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMaterial, createMemoryState, createTestTargetHost, type TestLeaf } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import files from '../src/index.js'

const never = new AbortController().signal
const program = fileURLToPath(new URL('./https-server.mjs', import.meta.url))
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }

const servedOn = (port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase())
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
  })

describe('a real HTTPS server', () => {
  let directory: string
  let server: ChildProcess
  let port: number
  let old: TestLeaf
  let next: TestLeaf
  const at = (name: string) => join(directory, name)

  beforeEach(async () => {
    const material = await createMaterial()
    ;[old, next] = material.leafs
    directory = await mkdtemp(join(tmpdir(), 'certctl-files-'))
    await writeFile(at('server.pem'), old.certificatePem + old.chainPem)
    await writeFile(at('server.key'), old.privateKeyPem.reveal(), { mode: 0o600 })
    server = spawn(process.execPath, [program, at('server.pem'), at('server.key')], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    port = Number(line.toString())
  })
  afterEach(async () => {
    server.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  })

  const deploy = (leaf: TestLeaf, over: Record<string, unknown> = {}) => {
    const config = {
      files: [
        { path: at('server.pem'), content: 'fullchain' },
        { path: at('server.key'), content: 'key' },
      ],
      command: `kill -HUP ${server.pid}`,
      ...over,
    }
    const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(() => new Date()), log })
    const target = createTestTargetHost({ host, serving: () => servedOn(port) })
    const request = { ...leaf, id: 'd', certificateId: 'c', signal: never }
    return files.create(parseTargetConfig(files, config).config, target).deploy(request)
  }

  it('serves what was deployed, and is left alone when it does already', async () => {
    expect(await servedOn(port)).toBe(old.fingerprint)
    await expect(deploy(next)).resolves.toMatchObject({ changed: true, served: 'served' })
    expect(await servedOn(port)).toBe(next.fingerprint)
    const { mtimeMs, ino } = await stat(at('server.pem'))
    await expect(deploy(next)).resolves.toMatchObject({ changed: false, served: 'served' })
    expect(await stat(at('server.pem'))).toMatchObject({ mtimeMs, ino })
  })

  it('keeps the old certificate when it cannot be told, and its old files', async () => {
    await expect(deploy(next, { command: '/bin/false' })).rejects.toMatchObject({ code: 'deploy_failed' })
    expect(await servedOn(port)).toBe(old.fingerprint)
    expect((await readdir(directory)).sort()).toEqual(['server.key', 'server.pem'])
    await expect(deploy(next)).resolves.toMatchObject({ served: 'served' })
  })

  it('keeps the old certificate when the new one is not accepted by a check', async () => {
    await expect(deploy(next, { validate_command: '/bin/false' })).rejects.toMatchObject({ code: 'deploy_failed' })
    expect(await servedOn(port)).toBe(old.fingerprint)
  })

  it('gets a key for its owner only', async () => {
    await deploy(next)
    expect((await stat(at('server.key'))).mode & 0o777).toBe(0o600)
  })
})
