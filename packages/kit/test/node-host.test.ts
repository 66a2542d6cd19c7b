import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DnsQuestion, TargetHost } from '@certctl/core'
import { createMaterial, createMemoryFiles, createMemoryState } from '@certctl/testing'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createNodeHost } from '../src/node-host.js'
import { createRehearsalHost } from '../src/rehearsal-host.js'
import { replaceFiles } from '../src/replace-files.js'
import { createShared } from '../src/shared.js'
import { resolveDns } from '../src/system-resolver.js'
import { ca, listenTls, partyOf, wholeChain } from './tls-material.js'

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }
const state = createMemoryState(() => new Date(0))
const instance = { id: 'tgt-one', publicUrl: 'https://certctl.example.test' }
const never = new AbortController().signal

describe('the host of this machine', () => {
  it('is who it was made for, with what it was given', () => {
    const shared = createShared()
    const files = createMemoryFiles(() => new Date(0))
    const host = createNodeHost({ instance, state, log, shared, files })
    expect(host).toMatchObject({ instance, state, log, shared, files })
  })

  it('has the time of its clock, also for answers that say when to come again', async () => {
    const at = new Date('2030-01-01')
    expect(createNodeHost({ instance, state, log, clock: { now: () => at } }).now()).toBe(at)
  })

  it('waits with the clock it was given, and else with its own', async () => {
    const waited: number[] = []
    const clock = { now: () => new Date(0), delay: async (seconds: number) => void waited.push(seconds) }
    await createNodeHost({ instance, state, log, clock }).delay(3600, never)
    expect(waited).toEqual([3600])
    await createNodeHost({ instance, state, log, clock: { now: clock.now } }).delay(0.001, never)
  })

  it('works on the real files and programs', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'certctl-host-'))
    const host = createNodeHost({ instance, state, log })
    await host.files.replace(join(directory, 'a'), 'x', {})
    expect((await host.run(['cat', join(directory, 'a')])).stdout).toBe('x')
    await rm(directory, { recursive: true, force: true })
  })

  it('has randomness', () => {
    const host = createNodeHost({ instance, state, log })
    expect(host.random(16)).toHaveLength(16)
    expect(host.random(16)).not.toEqual(host.random(16))
  })

  it('lends its trust to the library of a vendor', async () => {
    const server = await partyOf(['localhost'])
    const running = await listenTls({ key: server.keyPem, cert: wholeChain(server) }, (_, response) =>
      response.end('ok'),
    )
    const ask = (caPem: string | undefined) =>
      new Promise((resolve) => {
        const { httpsAgent } = createNodeHost({ instance, state, log }).transport({ caPem, serverName: 'localhost' })
        const request = get({ host: '127.0.0.1', port: running.port, agent: httpsAgent }, (response) => {
          response.resume()
          response.once('end', () => resolve(response.statusCode))
        })
        request.once('error', (error) => resolve(error.message))
      })
    expect(await ask(ca.rootPem)).toBe(200)
    expect(await ask(undefined)).toContain('cannot be reached')
    await running.close()
  })
})

describe('a rehearsal', () => {
  const rehearse = async () => {
    const files = createMemoryFiles(() => new Date(0))
    const [leaf] = (await createMaterial()).leafs
    const inner: TargetHost = {
      ...createNodeHost({ instance, state, log, files }),
      confirmServed: async () => Promise.reject(new Error('no')),
    }
    const { host, changes } = createRehearsalHost(inner)
    const deploy = () =>
      replaceFiles(
        host.files,
        [
          { path: '/tls/cert.pem', content: leaf.certificatePem, mode: 0o644 },
          { path: '/tls/key.pem', content: leaf.privateKeyPem.reveal(), mode: 0o600, secret: true },
        ],
        {
          signal: never,
          validate: () => host.run(['ctl', 'check']),
          activate: () => host.shared('reload', () => host.run(['ctl', 'reload'])),
          confirm: () => host.confirmServed({ fingerprint: leaf.fingerprint, signal: never }),
        },
      )
    return { files, leaf, host, changes, deploy }
  }

  it('tells what would be done, and does nothing', async () => {
    const { files, changes, deploy, leaf } = await rehearse()
    files.put('/tls/cert.pem', '')
    expect(await deploy()).toEqual({ changed: true, confirmed: 'unverifiable' })
    expect(changes()).toEqual([
      { what: 'write', detail: 'create /tls/key.pem (mode 0600)' },
      { what: 'write', detail: 'replace /tls/cert.pem (mode 0644)' },
      { what: 'run', detail: 'ctl check' },
      { what: 'run', detail: 'ctl reload' },
    ])
    expect(JSON.stringify(changes())).not.toContain(leaf.privateKeyPem.reveal().split('\n')[1])
    expect([...files.texts()]).toEqual([['/tls/cert.pem', '']])
  })

  it('has nothing to tell where all is as it should be', async () => {
    const { files, changes, deploy, leaf } = await rehearse()
    files.put('/tls/cert.pem', leaf.certificatePem, { mode: 0o644 })
    files.put('/tls/key.pem', leaf.privateKeyPem.reveal(), { mode: 0o600 })
    expect(await deploy()).toEqual({ changed: false, confirmed: 'served' })
    expect(changes()).toEqual([])
  })

  it('shows what would be there', async () => {
    const { files, host, changes } = await rehearse()
    files.put('/a', 'old', { mode: 0o640 })
    await host.files.replace('/a', 'newer', {})
    await host.files.replace('/b', 'b', {})
    expect(Buffer.from(await host.files.read('/a')).toString()).toBe('newer')
    expect(await host.files.stat('/a')).toMatchObject({ kind: 'file', size: 5, mode: 0o640 })
    expect(await host.files.stat('/b')).toMatchObject({ kind: 'file', size: 1 })
    await host.files.remove('/a')
    expect(await host.files.stat('/a')).toBeUndefined()
    await expect(host.files.read('/a')).rejects.toMatchObject({ code: 'not_found' })
    expect(files.texts().get('/a')).toBe('old')
    expect(changes().at(-1)).toEqual({ what: 'write', detail: 'remove /a' })
  })

  it('keeps no state and opens no connection', async () => {
    const { host } = await rehearse()
    await host.state.put('k', 1)
    await host.state.delete('k')
    expect(await host.state.get('k')).toBeUndefined()
    await expect(host.http({ baseUrl: 'http://a' }).request({ method: 'GET', path: '/' })).rejects.toMatchObject({
      code: 'unsupported',
    })
    await expect(host.connect({ host: 'a', port: 1 })).rejects.toMatchObject({ code: 'unsupported' })
  })
})

describe('questions to name servers', () => {
  /** Answers each question with records of its type, NXDOMAIN for names that begin with "missing", and SERVFAIL for "broken". */
  const records: Readonly<Record<number, readonly string[]>> = {
    1: ['c0000201'],
    28: ['20010db8000000000000000000000001'],
    16: ['0161' + '0162', '0378797a'],
    2: ['026e7300'],
    6: ['026e7300' + '0361626300' + '00000001' + '00000002' + '00000003' + '00000004' + '00000005'],
    257: [`0005${Buffer.from('issueca.example').toString('hex')}`],
  }
  const open: Socket[] = []
  afterEach(() => {
    for (const socket of open.splice(0)) socket.close()
  })

  const nameServer = async (): Promise<string> => {
    const socket = createSocket('udp4')
    socket.on('message', (query, from) => socket.send(answerTo(query), from.port, from.address))
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    open.push(socket)
    return `127.0.0.1:${socket.address().port}`
  }
  const answerTo = (query: Buffer): Buffer => {
    const end = query.indexOf(0, 12) + 5
    const first = query.subarray(13, 13 + (query[12] ?? 0)).toString()
    const type = query.readUInt16BE(end - 4)
    const code = first === 'missing' ? 3 : first === 'broken' ? 2 : 0
    const found = code === 0 && first !== 'empty' ? (records[type] ?? []) : []
    const header = Buffer.from(query.subarray(0, 12))
    header.writeUInt16BE(0x8180 | code, 2)
    header.writeUInt16BE(found.length, 6)
    header.writeUInt16BE(0, 10)
    const answers = found.map((hex) => {
      const data = Buffer.from(hex, 'hex')
      const front = Buffer.from('c00c0000000100000e100000', 'hex')
      front.writeUInt16BE(type, 2)
      front.writeUInt16BE(data.length, 10)
      return Buffer.concat([front, data])
    })
    return Buffer.concat([header, query.subarray(12, end), ...answers])
  }
  const ask = async (type: DnsQuestion['type'], name = 'www.example.test') =>
    resolveDns({ name, type, servers: [await nameServer()] })

  it.each<[DnsQuestion['type'], readonly string[]]>([
    ['A', ['192.0.2.1']],
    ['AAAA', ['2001:db8::1']],
    ['TXT', ['ab', 'xyz']],
    ['NS', ['ns']],
    ['SOA', ['ns abc 1 2 3 4 5']],
    ['CAA', ['0 issue "ca.example"']],
  ])('of type %s are answered in text', async (type, answers) => {
    expect(await ask(type)).toEqual(answers)
  })

  it.each(['missing.example.test', 'empty.example.test'])('for %s are answered by an empty list', async (name) => {
    expect(await ask('TXT', name)).toEqual([])
  })

  it('that the server cannot answer reject', async () => {
    await expect(ask('TXT', 'broken.example.test')).rejects.toMatchObject({ code: 'upstream_unavailable' })
  })

  it('of type DS are not offered', async () => {
    await expect(ask('DS')).rejects.toMatchObject({ code: 'unsupported' })
  })

  it('are given up when interrupted', async () => {
    const silent = createSocket('udp4')
    silent.bind(0, '127.0.0.1')
    await once(silent, 'listening')
    open.push(silent)
    const controller = new AbortController()
    const servers = [`127.0.0.1:${silent.address().port}`]
    const asking = resolveDns({ name: 'www.example.test', type: 'A', servers, signal: controller.signal })
    setImmediate(() => controller.abort())
    await expect(asking).rejects.toMatchObject({ code: 'aborted' })
    await expect(resolveDns({ name: 'a.test', type: 'A', servers, signal: AbortSignal.abort() })).rejects.toMatchObject(
      { code: 'aborted' },
    )
  })
})
