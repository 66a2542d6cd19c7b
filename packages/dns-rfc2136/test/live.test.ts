import { isCertctlError, parseConfig } from '@certctl/core'
import { createTestRecord, testDns } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import rfc2136, { configSchema } from '../src/index.js'
import { bindPrograms, keys, type NamedProcess, startNamed } from './named-process.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'

if (bindPrograms === undefined && !required)
  it.skip('skipped: BIND (named, dig, nsupdate) is not installed', () => undefined)
else if (bindPrograms === undefined)
  it('BIND is installed, since CERTCTL_TEST_REAL=required', () => expect(bindPrograms).toBeDefined())
else runLive(bindPrograms)

function runLive(programs: NonNullable<typeof bindPrograms>): void {
  let named: NamedProcess
  beforeAll(async () => {
    named = await startNamed(programs)
  })
  afterAll(() => named.stop())

  describe('contract, on a real BIND', () => {
    const [key] = keys
    const config = { server: '127.0.0.1', tsig_key_name: key?.name, tsig_secret: key?.secret }
    testDns({ test: it, definition: rfc2136, config, createWorld: () => named.createWorld() })
  })

  describe('a real BIND', () => {
    const record = createTestRecord('www.example.test', 1)
    const provider = async (overrides: Readonly<Record<string, unknown>> = {}) => {
      const { host } = await named.createWorld()
      return rfc2136.create(parseConfig(configSchema, { ...named.config, ...overrides }, 'RFC2136'), host)
    }
    const refusal = async (overrides: Readonly<Record<string, unknown>>, name = record.name): Promise<string> => {
      const error: unknown = await (await provider(overrides)).present({ ...record, name }).then(
        () => new Error('it did not fail'),
        (reason: unknown) => reason,
      )
      return isCertctlError(error) ? `${error.code}: ${error.message}` : String(error)
    }

    it.each(keys.map(({ algorithm, ...key }) => [algorithm, key] as const))(
      'takes updates signed with %s, and signs its answers',
      async (algorithm, key) => {
        const signed = { tsig_algorithm: algorithm, tsig_key_name: key.name, tsig_secret: key.secret }
        const connector = await provider(signed)
        await connector.present(record)
        expect(await named.values(record.name)).toEqual([record.value])
        await connector.cleanUp(record)
        expect(await named.values(record.name)).toEqual([])
      },
    )

    it('that does not know the key, or knows it with another secret or algorithm, is told apart', async () => {
      expect(await refusal({ tsig_key_name: 'stranger' })).toMatch(/^unauthenticated: .*BADKEY.*"stranger"/)
      expect(await refusal({ tsig_secret: 'YW5vdGhlciBzZWNyZXQ=' })).toMatch(/^unauthenticated: .*BADSIG.*secret/)
      expect(await refusal({ tsig_algorithm: 'hmac-sha512' })).toMatch(/^unauthenticated: .*BADKEY.*hmac-sha512/)
    })

    it('that does not allow the change says so, and the remedy names key, zone and record', async () => {
      const [key] = keys
      const text = await refusal({ tsig_key_name: 'no-rights', tsig_secret: key?.secret })
      expect(text).toMatch(/^forbidden: .*REFUSED/)
      for (const part of ['no-rights', 'example.test', record.name]) expect(text).toContain(part)
      expect(await refusal({}, '_acme-challenge.frozen.test')).toMatch(/^forbidden: .*REFUSED/)
      expect(await refusal({ tsig_key_name: undefined, tsig_secret: undefined })).toMatch(/^forbidden: .*REFUSED/)
    })

    it('that has delegated the zone away, or never held it, is not the server to ask', async () => {
      expect(await refusal({}, '_acme-challenge.www.delegated.example.test')).toMatch(
        /^not_found: .*delegated delegated\.example\.test/,
      )
      expect(await refusal({}, '_acme-challenge.elsewhere.invalid')).toMatch(/^not_found: .*elsewhere\.invalid/)
      expect(await refusal({ zone: 'elsewhere.invalid' }, '_acme-challenge.elsewhere.invalid')).toMatch(
        /^upstream_rejected: .*NOTAUTH/,
      )
    })

    it('would drop a value beside an alias without a word, so it is asked to refuse', async () => {
      for (const alias of ['alias.example.test', 'across.example.test'])
        expect(await refusal({}, alias)).toMatch(/^conflict: .*CNAME/)
      const led = { ...record, name: 'led-here.example.test' }
      const connector = await provider()
      await connector.present(led)
      expect(await named.values('alias.example.test')).toEqual([record.value])
    })

    it('with a clock ten minutes away is told by how much', async () => {
      const { host } = await named.createWorld()
      const late = { ...host, now: () => new Date(Date.now() + 600_000) }
      const connector = rfc2136.create(parseConfig(configSchema, named.config, 'RFC2136'), late)
      const began = Date.now()
      const error: unknown = await connector.present(record).catch((reason: unknown) => reason)
      // What passes between the question and its judgement is no difference of the clocks.
      const elapsed = Math.ceil((Date.now() - began) / 1000)
      expect(error).toMatchObject({
        code: 'upstream_unavailable',
        message: expect.stringMatching(/BADTIME.* by \d+ s \(the server's is behind\)/),
      })
      const told = Number(/ by (\d+) s /.exec(String(error))?.[1])
      expect(Math.abs(told - 600)).toBeLessThanOrEqual(1 + elapsed)
    })

    it('is tested with its zone, with its key alone, and with a wrong key, and nothing changes', async () => {
      const { signal } = record
      expect((await (await provider()).test?.(signal))?.detail).toContain(`knows the key "${keys[0]?.name}"`)
      expect((await (await provider({ zone: 'example.test' })).test?.(signal))?.detail).toContain(
        'takes updates for example.test',
      )
      await expect((await provider({ zone: 'frozen.test' })).test?.(signal)).rejects.toMatchObject({
        code: 'forbidden',
      })
      await expect((await provider({ tsig_key_name: 'stranger' })).test?.(signal)).rejects.toMatchObject({
        code: 'unauthenticated',
      })
      expect(await (await named.createWorld()).names?.()).toEqual([])
    })
  })
}
