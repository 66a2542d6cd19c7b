import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EnvironmentInstance, isSecret, markKey, parseConfig, type Registry } from '@certctl/core'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { variableOf } from '../../src/config.js'
import { settingsSchema } from '../../src/config-schema.js'
import { type Environment, readEnvironment } from '../../src/connectors/read-environment.js'
import { installedConnectors } from './issuer-scene.js'
import { leastEnvironment, variableExamples } from './variable-examples.js'

const registry = await installedConnectors()
const offered = instancesOf(registry)
const pairs = offered.flatMap(({ instance }) =>
  Object.entries(instance.variables).map(([field, variable]) => ({ id: instance.id, field, variable })),
)

function instancesOf(installed: Registry) {
  return (['issuer', 'dns'] as const).flatMap((kind) =>
    installed
      .list(kind)
      .flatMap(({ definition }) =>
        (definition.environment ?? []).map((instance: EnvironmentInstance) => ({ definition, instance })),
      ),
  )
}

/** What the connector of this instance gets, secrets as text. */
async function configOf(id: string, environment: Environment): Promise<Record<string, unknown>> {
  const found = (await readEnvironment({ registry }, environment)).find(({ instance }) => instance.id === id)
  if (found === undefined) throw new Error(`${id} is not made`)
  const { configSchema, type } = found.entry.definition
  const parsed: unknown = parseConfig(configSchema, found.config, type)
  const entries = Object.entries(parsed as Record<string, unknown>)
  return Object.fromEntries(entries.map(([field, value]) => [field, isSecret(value) ? value.reveal() : value]))
}

function exampleOf(id: string, variable: string) {
  const example = variableExamples[variable]
  if (example === undefined) throw new Error(`${variable} is tried nowhere: give it an example`)
  const from = { ...leastEnvironment[id], ...example.beside }
  return { from, to: { ...from, [variable]: example.value }, changes: example.changes }
}

const pairOf = ({ variable, field }: { variable: string; field: string }) => [variable, field] as const

describe('a variable', () => {
  it.each(pairs)('$variable changes $field of $id, and nothing else', async ({ id, field, variable }) => {
    const { from, to, changes = [field] } = exampleOf(id, variable)
    const [before, after] = [await configOf(id, from), await configOf(id, to)]
    const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    const different = fields.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    expect(different.sort()).toEqual([...changes].sort())
  })

  it('is named as its field is, but for those that have had other names since long', () => {
    const others = Object.fromEntries(
      pairs.filter(({ field, variable }) => !variable.endsWith(`_${field.toUpperCase()}`)).map(pairOf),
    )
    expect(others).toEqual({
      CERTCTL_STEPCA_KEY_PATH: 'provisioner_key_path',
      CERTCTL_STEPCA_PASSWORD: 'provisioner_password',
      CERTCTL_STEPCA_PROVISIONER: 'provisioner_name',
      CERTCTL_STEPCA_ROOT_CERT: 'root_cert_path',
      CERTCTL_STEPCA_URL: 'ca_url',
    })
  })

  it('is read by some connector if it is tried here, and tried here if it is read', () => {
    expect(Object.keys(variableExamples).sort()).toEqual([...new Set(pairs.map(({ variable }) => variable))].sort())
  })

  it('reaches every field of its connector, one field each', () => {
    for (const { definition, instance } of offered) {
      const { properties } = definition.jsonSchema as { properties: Record<string, unknown> }
      // What belongs to one account of one CA is not handed to Let's Encrypt's staging as well.
      const own = instance.id === 'iss-acme-staging' ? /^(eab_|account_key_path|ca_bundle_path)/ : /^$/
      const settable = Object.keys(properties).filter((field) => !own.test(field))
      expect(Object.keys(instance.variables).sort()).toEqual(settable.sort())
      expect(new Set(Object.values(instance.variables)).size).toBe(settable.length)
    }
  })

  it('of one connector is no setting of the server and no variable of another connector', () => {
    const settings = Object.keys(settingsSchema.shape).map(variableOf)
    const readers = new Map<string, Set<string>>()
    for (const { definition, instance } of offered)
      for (const variable of Object.values(instance.variables))
        readers.set(variable, (readers.get(variable) ?? new Set()).add(definition.type))
    expect([...readers].filter(([variable, types]) => types.size > 1 || settings.includes(variable))).toEqual([])
  })
})

describe('an instance', () => {
  it.each(offered)('$instance.id is made from the least that it needs, and not without', async ({ instance }) => {
    const { id, when } = instance
    const { [when ?? '']: asking, ...rest } = leastEnvironment[id] ?? {}
    expect(asking === undefined).toBe(when === undefined)
    const ids = async (environment: Environment) =>
      (await readEnvironment({ registry }, environment)).map(({ instance: made }) => made.id)
    expect(await ids({ ...leastEnvironment[id] })).toContain(id)
    if (when !== undefined) expect(await ids(rest)).not.toContain(id)
  })

  it('that lacks something says which variable to set', async () => {
    const lacking = { CERTCTL_VAULT_ADDR: 'https://vault.internal:8200', CERTCTL_STEPCA_URL: 'https://ca.internal' }
    const message = await readEnvironment({ registry }, lacking).then(String, ({ message: said }: Error) => said)
    expect(message).toContain('CERTCTL_VAULT_ROLE: must be given')
    expect(message).toContain('CERTCTL_STEPCA_PROVISIONER: must be given')
  })
})

describe('a secret', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certctl-secrets-'))
  })
  afterAll(async () => await rm(folder, { recursive: true, force: true }))

  const secrets = pairs.filter(({ id, field }) => {
    const schemas = offered.filter(({ instance }) => instance.id === id).map(({ definition }) => definition.jsonSchema)
    const [schema] = schemas as { properties: Record<string, Record<string, unknown>> }[]
    return schema?.properties[field]?.[markKey] === 'secret'
  })

  it.each(secrets)('$variable of $id may come from a file instead', async ({ id, variable }) => {
    const { to } = exampleOf(id, variable)
    const { [variable]: value = '', ...others } = to
    const path = join(folder, variable)
    await writeFile(path, `${value}\n`)
    expect(await configOf(id, { ...others, [`${variable}_FILE`]: path })).toEqual(await configOf(id, to))
  })

  it('is every password, token, MAC key and credential', () => {
    const named = pairs.filter(({ field }) => /password|secret|token$|hmac|credentials|accounts/.test(field))
    expect(secrets).toEqual(expect.arrayContaining(named))
    expect(named.length).toBeGreaterThan(10)
  })
})
