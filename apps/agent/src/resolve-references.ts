import { CertctlError, type JsonValue, messageOf, Secret } from '@certctl/core'
import { fieldSchema, isMarked, itemSchema } from './marked-schema.js'
import type { Policy } from './policy.js'

interface Sources {
  policy: Policy
  readFile(path: string): Promise<string>
  readVariable(name: string): Secret | undefined
}

/** A target's configuration in which every secret that was a reference (`file:/path`, `env:NAME`) is the secret itself. Only fields the connector marked as secret are looked at. */
export async function resolveReferences(config: unknown, jsonSchema: JsonValue, sources: Sources): Promise<unknown> {
  if (typeof config === 'string') return isMarked(jsonSchema, 'secret') ? await resolveOne(config, sources) : config
  if (Array.isArray(config))
    return await Promise.all(config.map((entry) => resolveReferences(entry, itemSchema(jsonSchema), sources)))
  if (typeof config !== 'object' || config === null) return config
  const entries = Object.entries(config).map(async ([name, value]) => {
    return [name, await resolveReferences(value, fieldSchema(jsonSchema, name), sources)] as const
  })
  return Object.fromEntries(await Promise.all(entries))
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
