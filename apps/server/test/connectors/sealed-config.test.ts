import { Secret } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { createSealing } from '../../src/access/sealing.js'
import { checkShape } from '../../src/connectors/check-shape.js'
import { type ConfigSchema, hidesSecrets, markedTexts, mask } from '../../src/connectors/marked-schema.js'
import { maskConfig, mergeConfig, openConfig, sealConfig } from '../../src/connectors/sealed-config.js'

const sealing = createSealing([new Secret('a key for tests only, of more than 32 bytes')])
const place = { table: 'targets', id: 't1', column: 'secrets' }

const secret = { 'x-certctl': 'secret', anyOf: [{}, { type: 'string' }] }
const schema: ConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: { type: 'string' },
    token: secret,
    cert_path: { type: 'string', 'x-certctl': 'file' },
    proxy: { type: 'object', properties: { host: { type: 'string' }, password: secret } },
    hosts: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' }, password: secret } },
    },
    either: { oneOf: [{ type: 'string' }, { type: 'object', properties: { key: secret } }] },
    named: { $ref: '#/$defs/named' },
    extra: { type: 'object', additionalProperties: secret },
  },
  $defs: { named: { type: 'object', properties: { pin: secret } } },
}

const config = {
  url: 'https://x.test',
  token: 'canary-1',
  cert_path: '/etc/a.pem',
  proxy: { host: 'p', password: 'canary-2' },
  hosts: [
    { name: 'a', password: 'canary-3' },
    { name: 'b', password: 'canary-4' },
  ],
  either: { key: 'canary-5' },
  named: { pin: 'canary-6' },
  extra: { anything: 'canary-7' },
}

describe('a configuration at rest', () => {
  it('keeps secrets out of the open part, wherever they are, and gives back what was sealed', () => {
    const stored = sealConfig(sealing, { schema, config }, place)
    expect(JSON.stringify(stored.config)).not.toContain('canary')
    expect(stored.config).toMatchObject({ url: 'https://x.test', cert_path: '/etc/a.pem', token: mask })
    expect(stored.secrets?.toString('latin1')).not.toContain('canary')
    expect(openConfig(sealing, stored, place)).toEqual(config)
  })

  it('of a type that nobody described is sealed whole', () => {
    const stored = sealConfig(sealing, { schema: undefined, config }, place)
    expect(stored.config).toEqual({})
    expect(openConfig(sealing, stored, place)).toEqual(config)
  })

  it('without secrets needs no sealing', () => {
    const stored = sealConfig(sealing, { schema, config: { url: 'u' } }, place)
    expect(stored).toEqual({ config: { url: 'u' }, secrets: null })
  })

  it('opens only at its own place', () => {
    const stored = sealConfig(sealing, { schema, config }, place)
    expect(() => openConfig(sealing, stored, { ...place, id: 't2' })).toThrow()
  })

  it('is sealed whole where a schema marks secrets at a place that is not walked', () => {
    const odd: ConfigSchema = { type: 'object', patternProperties: { '^p': secret } }
    expect(hidesSecrets(odd)).toBe(true)
    expect(hidesSecrets(schema)).toBe(false)
    const stored = sealConfig(sealing, { schema: odd, config: { pass: 'canary' } }, place)
    expect(stored.config).toEqual({})
    expect(maskConfig(odd, { pass: 'canary' })).toEqual({ pass: mask })
  })
})

describe('a configuration as others see it', () => {
  it('shows a mask for each secret and all else as it is', () => {
    expect(JSON.stringify(maskConfig(schema, config))).not.toContain('canary')
    expect(maskConfig(schema, config)).toMatchObject({ url: 'https://x.test', hosts: [{ name: 'a' }, { name: 'b' }] })
  })

  it('shows only masks of a type that nobody described', () => {
    expect(maskConfig(undefined, { a: 'x', b: { c: 1 }, d: [true], e: null })).toEqual({
      a: mask,
      b: { c: mask },
      d: [mask],
      e: null,
    })
  })
})

describe('a change', () => {
  it('leaves what is not given, and clears what is null', () => {
    expect(mergeConfig(schema, config, { url: 'https://y.test', cert_path: null })).toEqual({
      ...Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'cert_path')),
      url: 'https://y.test',
    })
  })

  it('takes a mask for what is stored, at every depth', () => {
    expect(mergeConfig(schema, config, maskConfig(schema, config))).toEqual(config)
    expect(mergeConfig(undefined, config, maskConfig(undefined, config))).toEqual(config)
  })

  it('lets a new secret replace the old one', () => {
    expect(mergeConfig(schema, config, { token: 'new' })).toMatchObject({ token: 'new' })
  })

  it('never moves a secret to its neighbour when a list is reordered or shortened', () => {
    const [a, b] = (maskConfig(schema, config) as typeof config).hosts
    expect(mergeConfig(schema, config, { hosts: [b, a] })).toMatchObject({
      hosts: [
        { name: 'b', password: 'canary-4' },
        { name: 'a', password: 'canary-3' },
      ],
    })
    expect(mergeConfig(schema, config, { hosts: [b] })).toMatchObject({ hosts: [{ name: 'b', password: 'canary-4' }] })
    expect(() => mergeConfig(schema, config, { hosts: [{ name: 'c', password: mask }] })).toThrow(
      'config.hosts.0.password: ******** stands for a stored value, and none is stored here',
    )
  })

  it('refuses a mask behind which nothing is stored, naming the field', () => {
    expect(() => mergeConfig(schema, {}, { url: 'u', token: mask })).toThrow(
      expect.objectContaining({ code: 'config_invalid', errors: [expect.objectContaining({ field: 'config.token' })] }),
    )
  })

  it('takes a mask literally where no secret belongs', () => {
    expect(mergeConfig(schema, config, { url: mask })).toMatchObject({ url: mask })
  })
})

describe('an address that leads elsewhere', () => {
  const address = { type: 'string', 'x-certctl': 'address' }
  const addressed: ConfigSchema = {
    type: 'object',
    properties: {
      addr: address,
      token_url: address,
      token: secret,
      client: { type: 'object', properties: { secret } },
      mount: { type: 'string' },
    },
  }
  const held = { addr: 'https://vault.test:8200/a', token: 'canary', client: { secret: 'canary too' } }
  const anew = (...fields: string[]) =>
    expect.objectContaining({
      code: 'config_invalid',
      message: expect.stringMatching(/leads to https:\/\/thief\.test now/),
      errors: fields.map((field) => expect.objectContaining({ field })),
    })

  it('needs the secrets beside it again, whether they are left out or masked', () => {
    for (const changes of [
      { addr: 'https://thief.test' },
      { ...maskConfig(addressed, held), addr: 'https://thief.test/a' },
      { token_url: 'https://thief.test' },
    ])
      expect(() => mergeConfig(addressed, held, changes)).toThrow(anew('config.token', 'config.client.secret'))
    expect(() => mergeConfig(addressed, held, { addr: 'https://thief.test', token: 'mine' })).toThrow(
      anew('config.client.secret'),
    )
  })

  it('is one also on another port, or without TLS', () => {
    for (const addr of ['https://vault.test:8201/a', 'http://vault.test:8200/a'])
      expect(() => mergeConfig(addressed, held, { addr })).toThrow(/must be given again/)
  })

  it('may be given with all of them, or with null for those that are not needed any more', () => {
    const changes = { addr: 'https://new.test', token: 'canary', client: null }
    expect(mergeConfig(addressed, held, changes)).toEqual({ addr: 'https://new.test', token: 'canary' })
  })

  it('is none where only the path changes, where it goes, or where nothing is secret', () => {
    expect(mergeConfig(addressed, held, { addr: 'https://vault.test:8200/b', mount: 'pki' })).toMatchObject({
      token: 'canary',
      client: held.client,
    })
    const both = { ...held, token_url: 'https://id.test' }
    expect(mergeConfig(addressed, both, { token_url: null })).toEqual(held)
    expect(mergeConfig(addressed, { addr: 'https://a.test' }, { addr: 'https://b.test' })).toEqual({
      addr: 'https://b.test',
    })
  })
})

describe('the shape of a configuration', () => {
  it('is refused with every faulty field, and no value repeated', () => {
    const check = () => checkShape(schema, { tokn: 'canary', cert_path: 5 }, 'NGINX')
    expect(check).toThrow(expect.objectContaining({ code: 'config_invalid' }))
    try {
      check()
    } catch (error) {
      const { message, errors } = error as Error & { errors: { field: string }[] }
      expect(errors.map(({ field }) => field).sort()).toEqual(['config.cert_path', 'config.tokn', 'config.url'])
      expect(message).not.toContain('canary')
    }
  })

  it('does not run expressions that an agent reported', () => {
    const evil: ConfigSchema = { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } }
    expect(() => checkShape(evil, { a: `${'a'.repeat(40)}!` }, 'X')).not.toThrow()
  })

  it('lets a field be called like a word of the schema language', () => {
    const named: ConfigSchema = {
      type: 'object',
      additionalProperties: false,
      properties: { pattern: { type: 'string' }, format: { type: 'integer' } },
    }
    expect(() => checkShape(named, { pattern: 'x', format: 1 }, 'X')).not.toThrow()
    expect(() => checkShape(named, { format: 'x' }, 'X')).toThrow('config.format')
  })

  it('leaves a schema it cannot read to the agent', () => {
    expect(() => checkShape({ type: 'object', $ref: 'https://elsewhere.test/schema' }, { a: 1 }, 'X')).not.toThrow()
  })

  it('tells which files deployments write', () => {
    expect(markedTexts({ schema, mark: 'file' }, config)).toEqual(['/etc/a.pem'])
  })
})
