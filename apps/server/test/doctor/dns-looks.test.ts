import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createMaterial } from '@certctl/testing'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import packet from 'dns-packet'
import { askServer } from '../../src/doctor/dns/ask-server.js'
import { createDnsLooks } from '../../src/doctor/dns/create-dns-looks.js'
import { descend } from '../../src/doctor/dns/descend.js'
import { readReply } from '../../src/doctor/dns/read-reply.js'
import type { DnsLooks } from '../../src/doctor/looks.js'
import { needsLoopbackNetwork } from './loopback-network.js'
import { a, cname, createWorld, firstAddress, ns, secondAddress, soa, txt, type World } from './world.js'

const staged = needsLoopbackNetwork()
const signal = () => AbortSignal.timeout(50_000)

let world: World
let looks: DnsLooks

const open: Socket[] = []

afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

/** A server that answers as the test says; it ends with the test. */
async function answering(answer: (bytes: Buffer, send: (reply: Buffer) => void) => void): Promise<number> {
  const server = createSocket('udp4')
  open.push(server)
  server.on('message', (bytes, from) => answer(bytes, (reply) => server.send(reply, from.port, from.address)))
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  return server.address().port
}

/** The key that signed the root from 2018 on, and the digest that IANA publishes. */
const rootKey =
  'AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU='
const rootDigest = 'e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d'
const keyData = { flags: 257, algorithm: 8, key: Buffer.from(rootKey, 'base64') }

describe('many questions', () => {
  it('are asked some at a time, and all are answered', async () => {
    // By name: on a slow machine a question may be sent again.
    const [asked, answered] = [new Set<string | undefined>(), new Set<string | undefined>()]
    let most = 0
    const port = await answering((bytes, send) => {
      const { id, questions } = packet.decode(bytes)
      const name = questions?.[0]?.name
      asked.add(name)
      most = Math.max(most, asked.size - answered.size)
      setTimeout(() => {
        answered.add(name)
        send(packet.encode({ type: 'response', id, questions: questions ?? [], answers: [] }))
      }, 50)
    })
    const none = { roots: [], resolvers: [], port, addresses: 'any' } as const
    const many = createDnsLooks(none, signal())
    const names = Array.from({ length: 300 }, (_, index) => `n${index}.test`)
    const replies = await Promise.all(names.map(async (name) => many.ask({ server: '127.0.0.1', name, type: 'A' })))
    expect(replies.every(({ state }) => state === 'answered')).toBe(true)
    expect(most).toBeLessThanOrEqual(64)
  })

  it('are not asked for the servers of a zone that names hundreds', async () => {
    const looked: string[] = []
    const reply = {
      state: 'answered',
      code: 'NOERROR',
      isAuthoritative: false,
      answers: [],
      additionals: [],
      authorities: Array.from({ length: 500 }, (_, index) => ({
        type: 'NS' as const,
        name: 'big.test',
        ttlSeconds: 1,
        target: `n${index}.elsewhere.test`,
      })),
    } as const
    const { zones } = await descend('www.big.test', {
      roots: ['192.0.2.1'],
      ask: async () => reply,
      addressesOf: async (host) => {
        looked.push(host)
        return Array.from({ length: 500 }, (_, index) => `192.0.2.${index}`)
      },
    })
    expect(looked.length).toBeLessThanOrEqual(20)
    expect(zones.at(-1)?.servers[0]?.addresses.length).toBeLessThanOrEqual(8)
  })
})

describe('a reply', () => {
  it('has keys with the tag and the digests that their parent would name', () => {
    const bytes = packet.encode({
      type: 'response',
      id: 1,
      answers: [{ type: 'DNSKEY', name: '.', ttl: 1, data: keyData }],
    })
    const [key] = readReply(packet.decode(bytes)).answers
    expect(key).toMatchObject({ type: 'DNSKEY', name: '', keyTag: 20_326, algorithm: 8, isZoneKey: true })
    expect(key?.type === 'DNSKEY' && key.digests[2]).toBe(rootDigest)
  })

  it('has names in lower case, text in one piece, and nothing of types that nobody asks for', () => {
    const bytes = packet.encode({
      type: 'response',
      id: 1,
      answers: [
        { type: 'TXT', name: 'X.Example.COM', ttl: 5, data: ['one ', Buffer.from('two')] },
        { type: 'PTR', name: 'x.example.com', data: 'y.example.com' },
      ],
    })
    expect(readReply(packet.decode(bytes)).answers).toEqual([
      { type: 'TXT', name: 'x.example.com', ttlSeconds: 5, value: 'one two' },
    ])
  })
})

describe('asking one server', () => {
  it('takes no answer to another question, nor one with another id, nor rubbish', async () => {
    const port = await answering((bytes, send) => {
      const query = packet.decode(bytes)
      const good = {
        type: 'response' as const,
        id: query.id,
        questions: query.questions,
        answers: [a('x.test', '192.0.2.1')],
      }
      send(packet.encode({ ...good, id: ((query.id ?? 0) + 1) & 0xffff, answers: [a('x.test', '192.0.2.66')] }))
      send(packet.encode({ ...good, questions: [{ type: 'A', name: 'y.test' }], answers: [a('x.test', '192.0.2.67')] }))
      send(packet.encode(good))
    })
    const question = { server: `127.0.0.1:${port}`, name: 'x.test', type: 'A' as const }
    const reply = await askServer(question, { port: 53, addresses: 'any', signal: signal() })
    expect(reply).toMatchObject({ state: 'answered', answers: [{ address: '192.0.2.1' }] })
  })

  it('says what cannot be read, that nothing listens, and what may not be asked', async () => {
    const port = await answering((bytes, send) => send(Buffer.concat([bytes.subarray(0, 2), Buffer.from([0x80])])))
    const ask = async (addresses: 'any' | 'scan') =>
      await askServer({ server: '127.0.0.1', name: 'x.test', type: 'A' }, { port, addresses, signal: signal() })
    expect(await ask('any')).toEqual({ state: 'silent', reason: 'its answer cannot be read' })
    expect(await ask('scan')).toMatchObject({ state: 'unseen', reason: expect.stringContaining('127.0.0.1') })
    const [server] = open.splice(0)
    server?.close()
    if (server !== undefined) await once(server, 'close')
    expect(await ask('any')).toEqual({ state: 'silent', reason: 'nothing listens there' })
  })
})

staged('the way down', () => {
  beforeEach(async () => {
    world = await createWorld(await createMaterial())
    looks = createDnsLooks(world.surroundings.dns, signal())
  })
  afterEach(async () => await world.close())

  const names = ({ zones }: Awaited<ReturnType<DnsLooks['descend']>>) => zones.map(({ name }) => name)

  it('leads from the root over each zone to the one that holds the name', async () => {
    const found = await looks.descend('www.example.com')
    expect([names(found), found.end]).toEqual([['', 'com', 'example.com'], 'reached'])
    expect(found.zones[2]?.servers).toEqual([
      { host: 'ns1.example.com', addresses: [firstAddress], lacksGlue: false },
      { host: 'ns2.example.com', addresses: [secondAddress], lacksGlue: false },
    ])
    const gone = await looks.descend('no.example.com')
    expect([names(gone), gone.end]).toEqual([['', 'com', 'example.com'], 'denied'])
  })

  it('sees a zone whose parent lies on the same server', async () => {
    const { zones, servers } = world
    servers.com.options.zones = [zones.com, zones.example]
    const found = await looks.descend('www.example.com')
    expect([names(found), found.end]).toEqual([['', 'com', 'example.com'], 'reached'])
  })

  it('finds name servers that lie in other zones, and is not led in circles by such that wait for each other', async () => {
    const { com, root } = world.zones
    root.records.push(ns('net', 'a.gtld.com'))
    com.records.push(ns('one.com', 'ns.one.net'))
    const net = { name: 'net', records: [soa('net'), ns('net', 'a.gtld.com'), ns('one.net', 'ns.two.com')] }
    world.servers.com.options.zones = [com, net]
    com.records.push(ns('two.com', 'ns.one.net'))
    const circle = await looks.descend('www.one.com')
    expect([names(circle), circle.end]).toEqual([['', 'com', 'one.com'], 'stuck'])
    expect(circle.zones[2]?.servers).toEqual([{ host: 'ns.one.net', addresses: [], lacksGlue: false }])

    com.records.push(ns('three.com', 'ns1.example.com'))
    world.zones.example.records.push(soa('three.com'))
    const other = {
      name: 'three.com',
      records: [soa('three.com'), ns('three.com', 'ns1.example.com'), a('www.three.com', '192.0.2.3')],
    }
    world.servers.first.options.zones = [world.zones.example, other]
    expect(await looks.resolve('www.three.com', 'A')).toMatchObject({
      state: 'found',
      records: [{ address: '192.0.2.3' }],
    })
  })

  it('asks each question once, however often it is taken', async () => {
    await Promise.all([
      looks.resolve('www.example.com', 'A'),
      looks.resolve('www.example.com', 'A'),
      looks.resolve('www.example.com', 'TXT'),
    ])
    const { heard } = world.servers.com
    expect(heard.filter((line) => line === 'www.example.com NS')).toHaveLength(1)
  })

  it('takes the whole of a long answer, over TCP', async () => {
    for (let count = 0; count < 20; count += 1)
      for (const zone of [world.zones.example, world.zones.second])
        zone.records.push(txt('long.example.com', `${count} ${'x'.repeat(200)}`))
    const found = await looks.resolve('long.example.com', 'TXT')
    expect(found.state === 'found' && found.records.length).toBe(20)
    expect([...world.servers.first.heard, ...world.servers.second.heard]).toContain('tcp long.example.com TXT')
  })

  it('follows aliases over zones and says which way it took', async () => {
    for (const { records } of [world.zones.example, world.zones.second])
      records.push(cname('x.example.com', 'y.example.com'), cname('y.example.com', 'www.example.com'))
    expect(await looks.resolve('x.example.com', 'A')).toMatchObject({
      chain: ['x.example.com', 'y.example.com', 'www.example.com'],
      state: 'found',
    })
    expect(await looks.recall('x.example.com', 'A')).toMatchObject({ state: 'found' })
  })

  it('ends where no resolver and no root answers, with the reason', async () => {
    const lonely = createDnsLooks({ ...world.surroundings.dns, roots: ['127.0.0.99'], resolvers: [] }, signal())
    expect(await lonely.resolve('www.example.com', 'A')).toMatchObject({
      state: 'failed',
      reason: 'no resolver is set',
    })
    expect(await lonely.recall('www.example.com', 'A')).toMatchObject({ state: 'failed', reason: 'no resolver is set' })
  })

  it('finds the key that the parent names: such a zone is signed and well', async () => {
    const rdata = Buffer.concat([Buffer.from([1, 1, 3, 8]), keyData.key])
    const owner = Buffer.from('\x07example\x03com\x00', 'latin1')
    const digest = createHash('sha256')
      .update(Buffer.concat([owner, rdata]))
      .digest()
    world.zones.com.records.push({
      type: 'DS',
      name: 'example.com',
      ttl: 300,
      data: { keyTag: 20_326, algorithm: 8, digestType: 2, digest },
    })
    for (const { records } of [world.zones.example, world.zones.second])
      records.push({ type: 'DNSKEY', name: 'example.com', ttl: 300, data: keyData })
    const signed = await world.examine('www.example.com')
    expect(signed.map(({ code }) => code)).toContain('dnssec_ok')
    digest[0] = (digest[0] ?? 0) ^ 1
    const other = await world.examine('www.example.com')
    expect(other.map(({ code }) => code)).toContain('ds_without_key')
  })
})
