import { defineTarget, isSecret, Secret, secret, z } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import type { Policy } from '../src/policy.js'
import { resolveReferences } from '../src/resolve-references.js'

const { jsonSchema } = defineTarget({
  type: 'Demo',
  displayName: 'Demo',
  configSchema: z.strictObject({
    host: z.string().describe('Host.'),
    password: secret().describe('Password.'),
    login: z
      .strictObject({ user: z.string().describe('User.'), token: secret().optional().describe('Token.') })
      .optional()
      .describe('Login.'),
    many: z
      .array(z.strictObject({ key: secret().describe('Key.') }))
      .optional()
      .describe('Many.'),
    either: z
      .union([z.strictObject({ pin: secret().describe('Pin.') }), z.string()])
      .optional()
      .describe('Either.'),
    by_name: z.record(z.string(), secret()).optional().describe('By name.'),
  }),
  capabilities: { platforms: ['linux'], verifies: 'none', undo: 'full', holds: 'one' },
  create: () => ({
    deploy: async () => ({ changed: false, served: 'unverifiable', location: '', effective: 'now' }),
    verify: async () => ({ matches: true, location: '' }),
  }),
})

const everything: Policy = {
  allowCommand: () => undefined,
  allowWrite: async () => undefined,
  allowSecretFile: async () => undefined,
  allowSecretVariable: () => undefined,
  allowChallengePort: () => undefined,
}
const sources = {
  policy: everything,
  readFile: async (path: string) => {
    if (path === '/s/missing') throw new Error('ENOENT')
    return `content of ${path}\n`
  },
  readVariable: (name: string) => (name === 'PW' ? new Secret('from the environment') : undefined),
}

const resolve = (config: unknown) => resolveReferences(config, jsonSchema, sources)

function shown(value: unknown): unknown {
  if (isSecret(value)) return { secret: value.reveal() }
  if (Array.isArray(value)) return value.map(shown)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]))
}

describe('references', () => {
  it('in fields marked as secret become the secret, however deep', async () => {
    const config = {
      host: 'h',
      password: 'env:PW',
      login: { user: 'u', token: 'file:/s/token' },
      many: [{ key: 'file:/s/a' }, { key: 'plain' }],
      either: { pin: 'env:PW' },
      by_name: { x: 'file:/s/x' },
    }
    expect(shown(await resolve(config))).toEqual({
      host: 'h',
      password: { secret: 'from the environment' },
      login: { user: 'u', token: { secret: 'content of /s/token' } },
      many: [{ key: { secret: 'content of /s/a' } }, { key: 'plain' }],
      either: { pin: { secret: 'from the environment' } },
      by_name: { x: { secret: 'content of /s/x' } },
    })
  })

  it('in other fields are what they look like: text', async () => {
    expect(await resolve({ host: 'file:/etc/shadow', password: 'p' })).toEqual({
      host: 'file:/etc/shadow',
      password: 'p',
    })
  })

  it('leave alone what only begins like one', async () => {
    expect(await resolve({ host: 'h', password: 'file-like' })).toEqual({ host: 'h', password: 'file-like' })
    expect(await resolve({ host: 'h', password: 'file:relative' })).toEqual({ host: 'h', password: 'file:relative' })
  })

  it('that lead nowhere are refused by what they name', async () => {
    await expect(resolve({ password: 'env:NONE' })).rejects.toThrow(/the variable NONE, which is not set/)
    await expect(resolve({ password: 'file:/s/missing' })).rejects.toMatchObject({ code: 'config_invalid' })
  })

  it('are asked of the policy before anything is read', async () => {
    const asked: string[] = []
    const policy: Policy = {
      ...everything,
      allowSecretFile: async (path) => {
        asked.push(path)
        throw new Error('refused')
      },
    }
    const readFile = async () => {
      throw new Error('was read')
    }
    await expect(
      resolveReferences({ password: 'file:/s/x' }, jsonSchema, { ...sources, policy, readFile }),
    ).rejects.toThrow('refused')
    expect(asked).toEqual(['/s/x'])
  })
})
