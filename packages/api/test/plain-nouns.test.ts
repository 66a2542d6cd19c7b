import { describe, expect, it } from '@jest/globals'
import type { z } from 'zod'
import {
  type Operation,
  openApi,
  operations,
  type PolicyType,
  parseRequest,
  policyConfigSchemas,
  policyTypes,
} from '../src/index.js'

const nouns = [
  ['Team', 'Teams'],
  ['Owner', 'Owners'],
  ['AgentGroup', 'AgentGroups'],
  ['Profile', 'Profiles'],
  ['RenewalPolicy', 'RenewalPolicies'],
  ['Policy', 'Policies'],
  ['Issuer', 'Issuers'],
  ['Notifier', 'Notifiers'],
] as const
const all: Readonly<Record<string, Operation>> = operations

const parse = (operation: Operation, body: unknown, params = {}) =>
  parseRequest({ ...operation, query: undefined }, { params, query: {}, body }).body

describe.each(nouns)('the operations of %s', (singular, plural) => {
  it('are five, under their own names, on one path', () => {
    const five = [`list${plural}`, `create${singular}`, `get${singular}`, `update${singular}`, `delete${singular}`]
    const made = five.map((id) => all[id])
    expect(made.map((operation) => operation?.operationId)).toEqual(five)
    const path = made[0]?.path
    expect(made.map((operation) => `${operation?.method} ${operation?.path}`)).toEqual([
      `GET ${path}`,
      `POST ${path}`,
      `GET ${path}/{id}`,
      `PUT ${path}/{id}`,
      `DELETE ${path}/{id}`,
    ])
    expect(made.map((operation) => Object.keys(operation?.responses ?? {}))).toEqual([
      ['200'],
      ['201'],
      ['200'],
      ['200'],
      ['204'],
    ])
  })

  it('need one permission to read and another to change', () => {
    const permissions = ['list', 'create', 'get', 'update', 'delete'].map(
      (verb) => all[`${verb}${verb === 'list' ? plural : singular}`]?.permission ?? '',
    )
    expect(permissions.map((permission) => permission.split('.')[1])).toEqual([
      'read',
      'write',
      'read',
      'write',
      'write',
    ])
    expect(new Set(permissions.map((permission) => permission.split('.')[0])).size).toBe(1)
  })

  it('drop what clients send back from what they read', () => {
    const body = { id: 'x', created_at: 'x', updated_at: 'x', name: 'y' }
    expect(parse(all[`update${singular}`] as Operation, body, { id: 'x' })).toMatchObject({ name: 'y' })
  })
})

describe('a body of a plain noun', () => {
  it('may say null for each field, which stands for its default, but not for its name', () => {
    for (const [singular] of nouns.slice(0, 6)) {
      const update = all[`update${singular}`] as Operation
      const fields = Object.keys((update.body as z.ZodObject).shape).filter((name) => !['name', 'type'].includes(name))
      const nulls = Object.fromEntries(fields.map((name) => [name, null]))
      expect(parse(update, nulls, { id: 'x' })).toEqual(nulls)
      expect(() => parse(update, { name: null }, { id: 'x' })).toThrow('name')
    }
  })

  it('of a profile reads lifetimes of 0 as none and gives each key its smallest size', () => {
    const body = { name: 'p', max_ttl_seconds: 0, allowed_key_algorithms: [{ algorithm: 'ECDSA' }] }
    expect(parse(operations.createProfile, body)).toEqual({
      name: 'p',
      max_ttl_seconds: null,
      allowed_key_algorithms: [{ algorithm: 'ECDSA', min_size: 256 }],
    })
  })
})

const right: Readonly<Record<PolicyType, object>> = {
  AllowedIssuers: { allowed_issuer_ids: ['iss-local'] },
  AllowedProfiles: { allowed_profile_ids: ['prof-web'] },
  AllowedDomains: { allowed_domains: ['example.com', '*.example.com', 'xn--bcher-kva.example'] },
  RequiredMetadata: { required_keys: ['owner'] },
  AllowedEnvironments: { allowed: ['production'] },
  RenewalLeadTime: { lead_time_days: 30 },
  CertificateLifetime: { max_days: 90 },
}

describe.each(policyTypes)('a rule of type %s', (type) => {
  const create = (config: unknown) => parse(operations.createPolicy, { name: 'x', type, config })

  it('takes its own settings and no other', () => {
    expect(create(right[type])).toMatchObject({ type, config: right[type] })
    expect(policyConfigSchemas[type].parse(right[type])).toEqual(right[type])
    for (const other of policyTypes.filter((name) => name !== type))
      expect(() => create(right[other])).toThrow(/config\./)
  })

  it('names the setting that is wrong below config', () => {
    for (const field of Object.keys(right[type]))
      for (const value of [null, {}, 'x', [1], []])
        expect(() => create({ ...right[type], [field]: value })).toThrow(`config.${field}`)
  })
})

describe('the OpenAPI document', () => {
  it('has a schema for each plain noun', () => {
    const { components } = openApi(operations, { title: 'certctl', version: '0.0.0' }) as {
      components: { schemas: Record<string, unknown> }
    }
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(nouns.flatMap(([singular]) => [singular, `${singular}Page`, `${singular}CursorPage`])),
    )
  })
})
