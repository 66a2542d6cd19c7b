import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CertctlError } from '../src/errors.js'
import { commandLine, duration, fileMode, filePath, hostname, port, secret, url } from '../src/fields.js'
import { z } from '../src/index.js'
import { faultsOf, parseConfig, parseTargetConfig } from '../src/parse-config.js'

const schema = z.strictObject({
  path: filePath().describe('Path.'),
  token: secret().describe('Token.'),
  wait: duration().prefault('5s').describe('Wait.'),
  host: hostname().optional().describe('Host.'),
  port: port().optional().describe('Port.'),
  url: url().optional().describe('URL.'),
  mode: fileMode().optional().describe('Mode.'),
  command: commandLine().optional().describe('Command.'),
  kind: z.enum(['a', 'b']).optional().describe('Kind.'),
  literal: z.literal('x').optional().describe('Literal.'),
  count: z.int().max(5).optional().describe('Count.'),
  either: z
    .union([z.strictObject({ a: z.string() }), z.strictObject({ b: z.number() })])
    .optional()
    .describe('Either.'),
  list: z
    .array(z.strictObject({ path: filePath() }))
    .optional()
    .describe('List.'),
  when: z.iso.datetime().optional().describe('When.'),
  short: z
    .string()
    .max(3)
    .regex(/^[a-z]+$/)
    .optional()
    .describe('Short.'),
})
const right = { path: '/a', token: 't' }

const errorOf = (raw: unknown): CertctlError => {
  try {
    parseConfig(schema, raw, 'Example')
  } catch (error) {
    if (error instanceof CertctlError) return error
    throw error
  }
  throw new Error('accepted')
}

describe('parseConfig', () => {
  it('gives what the schema returns', () => {
    const config = parseConfig(schema, right, 'Example')
    expect(config).toMatchObject({ path: '/a', wait: 5 })
    expect(config.token.reveal()).toBe('t')
  })

  it('lists every fault, by field, in one sentence and as data', () => {
    const error = errorOf({ path: 'a', token: '', wait: 'soon', list: [{ path: '/a' }, { path: 'b' }] })
    expect(error.code).toBe('config_invalid')
    expect(error.errors?.map(({ field }) => field)).toEqual(['path', 'token', 'wait', 'list.1.path'])
    expect(error.message).toMatch(
      /^Example: path: must be an absolute path; token: must not be empty; wait: is not a dur/,
    )
  })

  it('hears a typing error', () => {
    expect(errorOf({ ...right, tokne: 'x', list: [{ path: '/a', pth: 1 }] }).errors).toEqual([
      { field: 'list.0.pth', message: 'is not a known field' },
      { field: 'tokne', message: 'is not a known field' },
    ])
  })

  it('says of a missing field that it must be given, whatever forms it may have', () => {
    expect(errorOf({ token: 't' }).message).toBe('Example: path: must be given')
    expect(errorOf({ path: '/a' }).errors).toEqual([{ field: 'token', message: 'must be given' }])
    expect(errorOf({ path: 5, token: 't' }).message).toBe('Example: path: expected string, received number')
  })

  it.each([undefined, null, 'text', 5, []])('refuses %j as a whole', (raw) => {
    expect(errorOf(raw).errors?.[0]?.field).toBe('(whole)')
  })

  const canary = 'canary-7d1'
  it.each(Object.keys(schema.shape))('never quotes the value of %s', (field) => {
    for (const value of [
      canary,
      `/${canary}/../x`,
      `ctl; ${canary}`,
      [canary],
      { [field]: canary },
      `https://${canary}:x@a`,
    ]) {
      const parsed = schema.safeParse({ ...right, [field]: value })
      if (!parsed.success)
        expect(JSON.stringify(faultsOf(parsed.error).map(({ message }) => message))).not.toContain(canary)
    }
  })

  it('throws nothing but config_invalid, whatever it is given', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(schema.shape)), fc.anything()), (raw) => {
        expect(errorOf({ ...raw, unknown_field: 1 }).code).toBe('config_invalid')
      }),
      { numRuns: 200 },
    )
  })
})

describe('parseTargetConfig', () => {
  const definition = { type: 'Example', configSchema: z.strictObject({ path: filePath().describe('Path.') }) }

  it("parts what every target understands from the connector's own fields", () => {
    const { settings, config } = parseTargetConfig(definition, {
      path: '/a',
      endpoints: [{ host: 'WWW.example.org' }],
      grace: '8h',
      windows: [{ cron: '0 3 * * 6', duration: '2h' }],
    })
    expect(config).toEqual({ path: '/a' })
    expect(settings).toEqual({
      endpoints: [{ host: 'www.example.org', port: 443 }],
      post_deploy_verify: { enabled: true, timeout: 10, attempts: 20, backoff: 0.5 },
      grace: 28_800,
      windows: [{ cron: '0 3 * * 6', duration: 7200, time_zone: 'UTC' }],
    })
  })

  it('reads the old form of an endpoint to verify', () => {
    const post_deploy_verify = { enabled: false, endpoint: 'www.example.org:8443', timeout: '3s' }
    const { settings } = parseTargetConfig(definition, { path: '/a', post_deploy_verify })
    expect(settings.post_deploy_verify).toMatchObject({ enabled: false, endpoint: 'www.example.org:8443', timeout: 3 })
  })

  it.each([
    [{ path: '/a', endpoints: [{ host: 'a', prt: 1 }] }, 'endpoints.0.prt'],
    [{ path: '/a', grace: 'long' }, 'grace'],
    [{ path: 'a' }, 'path'],
    [{ path: '/a', pth: 1 }, 'pth'],
  ])('says which field of %j is wrong', (raw, field) => {
    expect(() => parseTargetConfig(definition, raw)).toThrow(
      expect.objectContaining({ code: 'config_invalid', errors: [expect.objectContaining({ field })] }),
    )
  })
})
