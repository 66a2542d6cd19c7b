import { type CertctlError, isCertctlError, parseConfig, type TxtRecord } from '@certctl/core'
import { createTestRecord } from '@certctl/testing'
import { describe, expect, it } from '@jest/globals'
import rfc2136, { configSchema } from '../src/index.js'
import { fakeNameServer, keyConfig, type ServerFaults } from './fake-name-server.js'

const record = createTestRecord('www.example.test', 1)

function createProvider(faults: ServerFaults = {}, overrides: Readonly<Record<string, unknown>> = {}) {
  const world = fakeNameServer(faults)
  const config = parseConfig(configSchema, { ...keyConfig, ...overrides }, 'RFC2136')
  return { world, connector: rfc2136.create(config, world.host) }
}

async function errorOf(work: Promise<unknown> | undefined): Promise<CertctlError> {
  const error: unknown = await (work ?? Promise.resolve()).then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (isCertctlError(error)) return error
  throw error
}

async function failure(faults: ServerFaults, overrides: Partial<TxtRecord> = {}): Promise<string> {
  const { connector } = createProvider(faults)
  const { code, message } = await errorOf(connector.present({ ...record, ...overrides }))
  return `${code}: ${message}`
}

describe('an update', () => {
  it('adds one record to the zone that the server names, unless the name is an alias', async () => {
    const { world, connector } = createProvider()
    await connector.present({ ...record, ttlSeconds: 90 })
    const [soa, , update] = world.asked
    expect(soa).toMatchObject({ opcode: 0, name: record.name, type: 6 })
    expect(update).toMatchObject({ opcode: 5, name: 'example.test', type: 6 })
    const [prerequisites = [], changes = [], additional = []] = update?.sections ?? []
    expect(prerequisites).toMatchObject([{ name: record.name, type: 5, class: 254, ttl: 0 }])
    expect(changes).toMatchObject([{ name: record.name, type: 16, class: 1, ttl: 90 }])
    expect(changes[0]?.data.subarray(1).toString()).toBe(record.value)
    expect(additional).toMatchObject([{ name: keyConfig.tsig_key_name, type: 250, class: 255, ttl: 0 }])
  })

  it('gives a value the lifetime of those that are there already, which it would change for them as well', async () => {
    const { world, connector } = createProvider()
    await world.plant(record.name, ['of somebody else'])
    world.ttls.set(record.name, 300)
    await connector.present({ ...record, ttlSeconds: 60 })
    expect(await world.values(record.name)).toEqual(['of somebody else', record.value])
    expect(world.ttls.get(record.name)).toBe(300)
  })

  it('removes that record by its value, whether or not the name is an alias by now', async () => {
    const { world, connector } = createProvider()
    world.aliases.add(record.name)
    await connector.cleanUp(record)
    const update = world.asked.at(-1)
    expect(update).toMatchObject({ opcode: 5, name: 'example.test' })
    expect(update?.sections[0]).toEqual([])
    expect(update?.sections[1]).toMatchObject([{ name: record.name, type: 16, class: 254, ttl: 0 }])
  })

  it('under an alias goes to the zone of the name, not to that of the place it leads to, and is refused there', async () => {
    const { world, connector } = createProvider()
    world.aliases.add(record.name)
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['conflict', expect.stringContaining('CNAME')])
    expect(world.asked.at(-1)).toMatchObject({ opcode: 5, name: 'example.test' })
  })

  it('asks for no zone where one is configured, and changes no other', async () => {
    const { world, connector } = createProvider({}, { zone: 'example.test' })
    await connector.present(record)
    expect(world.asked.map(({ opcode, type }) => [opcode, type])).toEqual([
      [0, 16],
      [5, 6],
    ])
    const { code, message } = await errorOf(connector.present({ ...record, name: '_acme-challenge.other.test' }))
    expect([code, message]).toEqual(['config_invalid', expect.stringContaining('example.test')])
    expect(world.asked).toHaveLength(2)
  })

  it('uses another id each time, so that an old answer is no answer', async () => {
    const { world, connector } = createProvider()
    await connector.present(record)
    await connector.present(record)
    expect(new Set(world.asked.map(({ id }) => id)).size).toBe(6)
  })

  it('is understood when the answer comes byte by byte', async () => {
    const { world, connector } = createProvider({ dribbles: true })
    await connector.present(record)
    expect(await world.values(record.name)).toEqual([record.value])
  })

  it.each(['', `${'a'.repeat(64)}.example.test`, 'a..example.test', `${'abcdefgh.'.repeat(30)}example.test`])(
    'for the name %j is refused before anybody is asked to change anything',
    async (name) => {
      const { world, connector } = createProvider()
      const { code } = await errorOf(connector.present({ ...record, name }))
      expect(['identifier_rejected', 'not_found']).toContain(code)
      expect(world.asked.filter(({ opcode }) => opcode === 5)).toEqual([])
    },
  )
})

describe('what the server says', () => {
  it.each<[number, RegExp]>([
    [1, /^upstream_protocol: .*FORMERR/],
    [2, /^upstream_unavailable: .*SERVFAIL.*log/],
    [4, /^unsupported: .*NOTIMP.*no dynamic updates/],
    [5, /^forbidden: .*REFUSED.*update-policy \{ grant certctl-key name _acme-challenge\.www\.example\.test TXT; \}/],
    [7, /^conflict: .*CNAME/],
    [9, /^upstream_rejected: .*NOTAUTH.*primary/],
    [10, /^config_invalid: .*NOTZONE/],
    [11, /^upstream_rejected: .*RCODE 11/],
  ])('with code %d becomes an error that names the record, the cause and the remedy', async (rcode, expected) => {
    const text = await failure({ rcode })
    expect(text).toMatch(expected)
    expect(text).toContain(record.name)
  })

  it('about the key tells a wrong name from a wrong secret', async () => {
    expect(await failure({ keyName: 'another' })).toMatch(/^unauthenticated: .*BADKEY.*"certctl-key"/)
    expect(await failure({ secret: 'YW5vdGhlcg==' })).toMatch(/^unauthenticated: .*BADSIG.*hmac-sha256/)
  })

  it('about the clocks says by how much they differ, and is tried again', async () => {
    expect(await failure({ clockSeconds: 900 })).toMatch(
      /^upstream_unavailable: .*BADTIME.* by (899|900|901) s \(the server's is ahead\)/,
    )
    expect(await failure({ clockSeconds: -900 })).toMatch(/behind/)
    const { world, connector } = createProvider({ clockSeconds: 250 })
    await connector.present(record)
    expect(await world.values(record.name)).toEqual([record.value])
  })

  it('is only believed when it is signed with the key', async () => {
    const withoutTsig = (answer: Buffer): Buffer => {
      const end = answer.indexOf(Buffer.from('certctl-key', 'latin1')) - 1
      const bare = Buffer.from(answer.subarray(0, end))
      bare.writeUInt16BE(0, 10)
      return bare
    }
    expect(await failure({ tamper: withoutTsig })).toMatch(/^upstream_protocol: .*does not sign/)
  })

  it.each<[string, (answer: Buffer) => Buffer]>([
    ['a changed code', (answer) => flipped(answer, 3)],
    ['a changed last byte of the MAC', (answer) => flipped(answer, answer.length - 7)],
    ['a changed time', (answer) => flipped(answer, answer.indexOf(Buffer.from('hmac-sha256')) + 17)],
  ])('with %s is from somebody else', async (_, tamper) => {
    expect(await failure({ tamper })).toMatch(/^(upstream_protocol|not_found|upstream_unavailable): /)
    const { world, connector } = createProvider({
      tamper: (answer, { opcode }) => (opcode === 5 ? tamper(answer) : answer),
    })
    const { code } = await errorOf(connector.present(record))
    expect(code).toBe('upstream_protocol')
    expect(world.asked.some(({ opcode }) => opcode === 5)).toBe(true)
  })

  it('to another question is no answer', async () => {
    const unsigned = { tsig_key_name: undefined, tsig_secret: undefined }
    // Another id; a question instead of an answer; another operation.
    for (const [byte, mask] of [
      [0, 0x01],
      [2, 0x80],
      [2, 0x10],
    ] as const) {
      const { connector } = createProvider({ tamper: (answer) => flipped(answer, byte, mask) }, unsigned)
      expect((await errorOf(connector.present(record))).code).toBe('upstream_protocol')
    }
  })

  it('cut off anywhere is an error with a code', async () => {
    const whole = createProvider()
    let length = 0
    whole.world.faults.tamper = (answer) => {
      length = answer.length
      return answer
    }
    await whole.connector.present(record)
    expect(length).toBeGreaterThan(12)
    for (let kept = 0; kept < length; kept += 1) {
      const { connector } = createProvider({
        tamper: (answer, { opcode }) => (opcode === 5 ? answer.subarray(0, kept) : answer),
      })
      expect((await errorOf(connector.present(record))).code).toBe('upstream_protocol')
    }
  })
})

describe('a server that falls silent', () => {
  it('after it has changed the record is an error, and the next attempt is no second value', async () => {
    const { world, connector } = createProvider({ afterUpdate: 'hang up' })
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['upstream_unavailable', expect.stringContaining('hung up')])
    world.faults.afterUpdate = undefined
    await connector.present(record)
    expect(await world.values(record.name)).toEqual([record.value])
  })

  it('is given up when the time limit is over, or the caller gives up', async () => {
    const { connector } = createProvider({ afterUpdate: 'silence' }, { timeout: '1s' })
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['upstream_unavailable', expect.stringContaining('no answer within 1 s')])
    const controller = new AbortController()
    const { world, connector: patient } = createProvider({ afterUpdate: 'silence' })
    const ending = errorOf(patient.present({ ...record, signal: controller.signal }))
    for (let looks = 0; looks < 200 && world.asked.length < 3; looks += 1) await new Promise(setImmediate)
    controller.abort()
    expect((await ending).code).toBe('aborted')
  })
})

describe('without a key', () => {
  it('updates are sent unsigned, and a refusal says what the server would have to allow', async () => {
    const { connector, world } = createProvider({}, { tsig_key_name: undefined, tsig_secret: undefined })
    const { code, message } = await errorOf(connector.present(record))
    expect([code, message]).toEqual(['forbidden', expect.stringContaining('REFUSED')])
    expect(world.asked[2]?.sections[2]).toEqual([])
  })
})

describe('settings', () => {
  const base = { server: 'ns1.example.test' }

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['a key without a secret', { tsig_key_name: 'k' }],
    ['a secret without a key', { tsig_secret: 'c2VjcmV0' }],
    ['a secret that is not base64', { tsig_key_name: 'k', tsig_secret: 'not base64!' }],
    ['an algorithm that does not exist', { tsig_algorithm: 'hmac-sha3' }],
    ['a port that does not exist', { port: 70_000 }],
    ['no patience at all', { timeout: '0s' }],
  ])('refuse %s', (_, settings) => {
    expect(configSchema.safeParse({ ...base, ...settings }).success).toBe(false)
  })

  it('are read from one variable of the environment each', () => {
    const [instance] = rfc2136.environment ?? []
    expect(Object.keys(instance?.variables ?? {}).sort()).toEqual(Object.keys(configSchema.shape).sort())
    expect(new Set(Object.values(instance?.variables ?? {})).size).toBe(Object.keys(configSchema.shape).length)
    expect(Object.values(instance?.variables ?? {})).toContain(instance?.when)
  })

  it('lead to the server and the port that they name', async () => {
    const world = fakeNameServer()
    const seen: unknown[] = []
    const host = {
      ...world.host,
      connect: (to: Parameters<typeof world.host.connect>[0]) => {
        seen.push(to)
        return world.host.connect(to)
      },
    }
    const config = parseConfig(
      configSchema,
      { ...keyConfig, server: '192.0.2.53', port: 5353, timeout: '20s' },
      'RFC2136',
    )
    await rfc2136.create(config, host).present(record)
    expect(seen).toEqual([expect.objectContaining({ host: '192.0.2.53', port: 5353, timeLimitSeconds: 20 })])
  })
})

function flipped(answer: Buffer, index: number, mask = 0x01): Buffer {
  const changed = Buffer.from(answer)
  changed.writeUInt8(answer.readUInt8(index) ^ mask, index)
  return changed
}
