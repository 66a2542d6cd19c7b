import { describe, expect, it } from '@jest/globals'
import type { z as Newer } from 'zod'
import { z as older } from 'zod-older'
import {
  commandLine,
  defineDiscovery,
  defineDns,
  defineIssuer,
  defineNotifier,
  defineTarget,
  duration,
  fileFields,
  filePath,
  isSecret,
  jsonSchemaOf,
  markKey,
  parseConfig,
  secret,
  z,
} from '../src/index.js'

const refuse = async (): Promise<never> => {
  throw new Error('not called')
}
const target = <Config>(configSchema: z.ZodType<Config>) =>
  defineTarget({
    type: 'Example',
    displayName: 'Example',
    configSchema,
    capabilities: { platforms: ['linux'], verifies: 'file', undo: 'full', holds: 'one' },
    create: () => ({ deploy: refuse, verify: refuse }),
  })

describe('a definition', () => {
  const schema = z.strictObject({
    path: filePath().describe('Where.'),
    token: secret().optional().describe('What with.'),
    wait: duration().prefault('5s').describe('How long.'),
  })

  it('carries the JSON Schema of what an operator writes', () => {
    const { jsonSchema } = defineDns({
      type: 'x',
      displayName: 'X',
      configSchema: schema,
      capabilities: {},
      create: () => ({ present: refuse, cleanUp: refuse }),
    })
    expect(jsonSchema).toMatchObject({
      type: 'object',
      additionalProperties: false,
      required: ['path'],
      properties: {
        path: { type: 'string', description: 'Where.', [markKey]: 'file' },
        token: { description: 'What with.', [markKey]: 'secret' },
        wait: { default: '5s', description: 'How long.', [markKey]: 'duration' },
      },
    })
  })

  it('takes text for a secret and nothing else, also where it is refined, optional or in a list', () => {
    const { properties } = jsonSchemaOf(
      z.strictObject({
        plain: secret().describe('Plain.'),
        refined: secret()
          .refine(() => true)
          .describe('Refined.'),
        optional: secret().optional().describe('Optional.'),
        listed: z.array(secret()).describe('Listed.'),
      }),
    )
    const text = { type: 'string', minLength: 1, maxLength: 65_536, [markKey]: 'secret' }
    expect(properties).toEqual({
      plain: { ...text, description: 'Plain.' },
      refined: { ...text, description: 'Refined.' },
      optional: { ...text, description: 'Optional.' },
      listed: { type: 'array', description: 'Listed.', items: text },
    })
  })

  it('keeps everything else as it was written', () => {
    const create = () => ({ deploy: refuse, verify: refuse })
    const input = {
      type: 'Example',
      aliases: ['sample'],
      displayName: 'Example',
      configSchema: schema,
      capabilities: { platforms: ['linux'], verifies: 'none', undo: 'full', holds: 'many' } as const,
      proposedCommands: [['ctl', 'reload']],
      create,
    }
    expect(defineTarget(input)).toMatchObject(input)
    expect(defineTarget(input).create).toBe(create)
  })

  it('of a target also lists the settings every target understands', () => {
    const { jsonSchema } = target(schema)
    const { properties } = jsonSchema as { properties: Record<string, unknown> }
    expect(Object.keys(properties)).toEqual([
      ...['path', 'token', 'wait'],
      ...['endpoints', 'post_deploy_verify', 'grace', 'windows'],
    ])
  })

  it('is plain data in its JSON Schema', () => {
    const { jsonSchema } = target(z.strictObject({ ...schema.shape, ...fileFields() }))
    expect(JSON.parse(JSON.stringify(jsonSchema))).toEqual(jsonSchema)
  })

  const silent = z.strictObject({ spoken: z.string().describe('Yes.'), silent: z.string() })
  it.each([
    ['issuer', () => defineIssuer({ ...common, capabilities: issuerCapabilities, create: () => ({ issue: refuse }) })],
    ['target', () => target(silent)],
    [
      'notifier',
      () => defineNotifier({ ...common, capabilities: notifierCapabilities, create: () => ({ send: refuse }) }),
    ],
    [
      'discovery source',
      () => defineDiscovery({ ...common, capabilities: { runsOn: [] }, create: () => ({ scan: never }) }),
    ],
    [
      'DNS provider',
      () => defineDns({ ...common, capabilities: {}, create: () => ({ present: refuse, cleanUp: refuse }) }),
    ],
  ])('of a %s with an undescribed field is refused by the name of the field', (_, make) => {
    expect(make).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: "Example: the field silent has no description; end its schema with .describe('…')",
      }),
    )
  })
  const common = { type: 'Example', displayName: 'Example', configSchema: silent }
  const issuerCapabilities = { operations: [], names: [], honours: [], revocationReasons: [], metered: false } as const
  const notifierCapabilities = { deduplicates: false, resolves: false, recipients: 'fixed' } as const
  async function* never(): AsyncGenerator<never> {}
})

/** A package may bring another zod 4. The types of two versions are not one; a connector in JavaScript never notices. */
describe('a schema made with another copy of zod 4', () => {
  const foreign = older.strictObject({
    token: secret() as never,
    described_token: secret().describe('Described by core.') as never,
    optional_token: (secret().optional() as never as older.ZodType).describe('Described by the package.'),
    command: commandLine().prefault('ctl reload').describe('Reload.') as never,
    path: filePath().describe('File.') as never,
    own: older.string().describe('A field of the other copy.'),
    nested: older.strictObject({ password: secret().describe('Inside.') as never }).describe('Nested.'),
    listed: older.array(secret() as never).describe('Listed.'),
  }) as unknown as Newer.ZodType<Record<string, unknown>>

  it('really is another copy', () => {
    expect(older.string).not.toBe(z.string)
  })

  it('keeps the marks of secrets, commands and files', () => {
    const { properties = {} } = jsonSchemaOf(foreign)
    expect(properties.token?.[markKey]).toBe('secret')
    expect(properties.described_token?.[markKey]).toBe('secret')
    expect(properties.optional_token?.[markKey]).toBe('secret')
    expect(properties.command?.[markKey]).toBe('command')
    expect(properties.path?.[markKey]).toBe('file')
    expect(properties.nested?.properties?.password?.[markKey]).toBe('secret')
    expect(properties.listed).toMatchObject({ items: { [markKey]: 'secret' } })
    expect(properties.token).toMatchObject({ type: 'string' })
    expect(properties.optional_token).toMatchObject({ type: 'string' })
  })

  it('keeps the descriptions of both copies', () => {
    const { properties = {} } = jsonSchemaOf(foreign)
    expect(properties.described_token?.description).toBe('Described by core.')
    expect(properties.optional_token?.description).toBe('Described by the package.')
    expect(properties.own?.description).toBe('A field of the other copy.')
    expect(properties.nested).toMatchObject({
      description: 'Nested.',
      additionalProperties: false,
      properties: { password: { description: 'Inside.' } },
    })
  })

  it('parses secrets into secrets, and says by name what is wrong', () => {
    const raw = {
      token: 'canary',
      described_token: 'canary',
      path: '/a',
      own: 'x',
      nested: { password: 'canary' },
      listed: ['canary'],
    }
    const config = parseConfig(foreign, raw, 'Example')
    expect(isSecret(config.token)).toBe(true)
    expect(config.command).toEqual(['ctl', 'reload'])
    expect(JSON.stringify(config)).not.toContain('canary')
    expect(() => parseConfig(foreign, { ...raw, tokn: 'canary', own: 5 }, 'Example')).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.not.stringContaining('canary') }),
    )
  })

  it('with an undescribed field is refused like any other', () => {
    expect(() => target(foreign)).toThrow('the field token has no description')
  })

  it('whose fields are all described is taken', () => {
    const described = older.strictObject({
      path: filePath().describe('File.') as never,
      token: (secret() as never as older.ZodType).describe('Token.'),
      own: older.string().optional().describe('Own.'),
    }) as unknown as Newer.ZodType<unknown>
    expect(target(described).jsonSchema).toMatchObject({
      properties: { token: { [markKey]: 'secret', description: 'Token.' }, own: { description: 'Own.' } },
    })
  })
})
