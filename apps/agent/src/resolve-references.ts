import { CertctlError, type JsonValue, markKey, messageOf, Secret } from '@certctl/core'
import type { Policy } from './policy.js'

interface Sources {
  policy: Policy
  readFile(path: string): Promise<string>
  readVariable(name: string): Secret | undefined
}

/** A target's configuration in which every secret that was a reference (`file:/path`, `env:NAME`) is the secret itself. Only fields the connector marked as secret are looked at. */
export async function resolveReferences(config: unknown, jsonSchema: JsonValue, sources: Sources): Promise<unknown> {
  const schema = objectOf(jsonSchema)
  if (typeof config === 'string') return schema[markKey] === 'secret' ? await resolveOne(config, sources) : config
  if (Array.isArray(config))
    return await Promise.all(config.map((entry) => resolveReferences(entry, schema.items ?? {}, sources)))
  if (typeof config !== 'object' || config === null) return config
  const entries = Object.entries(config).map(async ([name, value]) => {
    return [name, await resolveReferences(value, fieldSchema(schema, name), sources)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

type SchemaObject = { readonly [key: string]: JsonValue | undefined }

function objectOf(schema: JsonValue): SchemaObject {
  return typeof schema === 'object' && schema !== null && !isList(schema) ? schema : {}
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** Of a field of an object, also where the object is one branch of a union or a record. */
function fieldSchema(schema: SchemaObject, name: string): JsonValue {
  const own = objectOf(schema.properties ?? {})[name]
  if (own !== undefined) return own
  const branches = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list) =>
    list !== undefined && isList(list) ? list : [],
  )
  const inBranch = branches
    .map((branch) => fieldSchema(objectOf(branch), name))
    .find((found) => Object.keys(objectOf(found)).length > 0)
  return inBranch ?? objectOf(schema.additionalProperties ?? {})
}

async function resolveOne(value: string, sources: Sources): Promise<unknown> {
  if (value.startsWith('env:')) return fromVariable(value.slice('env:'.length), sources)
  if (value.startsWith('file:/')) return await fromFile(value.slice('file:'.length), sources)
  return value
}

function fromVariable(name: string, { policy, readVariable }: Sources): Secret {
  policy.allowSecretVariable(name)
  const found = readVariable(name)
  if (found === undefined)
    throw new CertctlError('config_invalid', `A secret refers to the variable ${name}, which is not set for this agent`)
  return found
}

async function fromFile(path: string, { policy, readFile }: Sources): Promise<Secret> {
  await policy.allowSecretFile(path)
  try {
    return new Secret((await readFile(path)).replace(/\r?\n$/, ''))
  } catch (cause) {
    throw new CertctlError(
      'config_invalid',
      `A secret refers to ${path}, which this agent cannot read: ${messageOf(cause)}`,
      { cause },
    )
  }
}
