import { isDeepStrictEqual } from 'node:util'
import { CertctlError, isCertctlError, type JsonValue } from '@certctl/core'
import type { Sealing, SealPlace } from '../access/sealing.js'
import { type Config, type ConfigSchema, hidesSecrets, isObject, mapMarked, mask, type Path } from './marked-schema.js'
import { requireSecretsAnew } from './require-secrets-anew.js'

/** A configuration at rest: what everybody may see, and the rest sealed. */
export interface StoredConfig {
  config: object
  secrets: Buffer | null
}

interface Sealed {
  /** Present when nobody here knows the type, so that everything is kept secret. */
  whole?: Config
  fields?: readonly (readonly [Path, JsonValue])[]
}

/** Parts a configuration by its schema's marks; one whose type is not known is sealed whole. */
export function sealConfig(
  sealing: Sealing,
  { schema, config }: { schema: ConfigSchema | undefined; config: Config },
  place: SealPlace,
): StoredConfig {
  const seal = (sealed: Sealed): Buffer => sealing.seal(JSON.stringify(sealed), place)
  if (!isUsable(schema)) return { config: {}, secrets: seal({ whole: config }) }
  const fields: [Path, JsonValue][] = []
  const open = mapMarked({ schema, mark: 'secret' }, config, (value, path) => {
    fields.push([path, value])
    return mask
  })
  return { config: open, secrets: fields.length === 0 ? null : seal({ fields }) }
}

/** The configuration as it was given. */
export function openConfig(sealing: Sealing, stored: StoredConfig, place: SealPlace): Config {
  const config = stored.config as Config
  if (stored.secrets === null) return config
  const { whole, fields = [] } = JSON.parse(sealing.open(stored.secrets, place).toString('utf8')) as Sealed
  return whole ?? fields.reduce((open, [path, value]) => put(open, path, value) as Config, config)
}

/** The same; `undefined` where its secrets cannot be opened. */
export function openConfigIfPossible(sealing: Sealing, stored: StoredConfig, place: SealPlace): Config | undefined {
  try {
    return openConfig(sealing, stored, place)
  } catch (error) {
    if (isCertctlError(error)) return undefined
    throw error
  }
}

function put(value: JsonValue | undefined, [step, ...rest]: Path, leaf: JsonValue): JsonValue {
  if (step === undefined) return leaf
  if (Array.isArray(value))
    return value.map((item: JsonValue, index) => (index === step ? put(item, rest, leaf) : item))
  const object = isObject(value) ? value : {}
  return { ...object, [step]: put(object[step], rest, leaf) }
}

/** As everybody but its owner sees it: secrets masked; of a type nobody here knows, every value. */
export function maskConfig(schema: ConfigSchema | undefined, config: Config): Config {
  if (isUsable(schema)) return mapMarked({ schema, mark: 'secret' }, config, () => mask)
  return maskAll(config) as Config
}

function maskAll(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(maskAll)
  if (!isObject(value)) return value === null ? null : mask
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, maskAll(field ?? null)]))
}

/**
 * Changes the fields that are given: `null` clears one, a mask stands for what is stored there. Throws `config_invalid`, naming
 * the field, for a mask behind which nothing is stored, and for a secret that would go to another host than it was given for.
 */
export function mergeConfig(
  schema: ConfigSchema | undefined,
  previous: Config,
  changes: Readonly<Record<string, unknown>>,
): Config {
  const given = Object.entries({ ...previous, ...(changes as Config) }).filter(
    ([, value]) => value !== null && value !== undefined,
  )
  const merged: Config = Object.fromEntries(given)
  const restored = restore({ schema, whole: merged }, merged, { value: previous, path: [] }) as Config
  if (isUsable(schema)) requireSecretsAnew(schema, { previous, changes: changes as Config, merged: restored })
  return restored
}

interface Before {
  value: JsonValue | undefined
  path: Path
}

function restore(
  context: { schema: ConfigSchema | undefined; whole: Config },
  value: JsonValue,
  before: Before,
): JsonValue {
  if (value === mask && isSecretAt(context, before.path)) return storedBehind(before)
  if (Array.isArray(value)) return restoreList(context, value, before)
  if (!isObject(value)) return value
  const previous = isObject(before.value) ? before.value : {}
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      restore(context, field ?? null, { value: previous[name], path: [...before.path, name] }),
    ]),
  )
}

function isSecretAt({ schema, whole }: { schema: ConfigSchema | undefined; whole: Config }, at: Path): boolean {
  if (!isUsable(schema)) return true
  let found = false
  mapMarked({ schema, mark: 'secret' }, whole, (value, path) => {
    found ||= isDeepStrictEqual(path, at)
    return value
  })
  return found
}

function storedBehind({ value, path }: Before): JsonValue {
  if (value !== undefined && value !== null && value !== mask) return value
  const field = ['config', ...path].join('.')
  const message = `${mask} stands for a stored value, and none is stored here`
  throw new CertctlError('config_invalid', `${field}: ${message}`, { errors: [{ field, message }] })
}

/** Lists may be reordered, and a secret must not move to its neighbour: an item is recognised by everything about it that is not masked. */
function restoreList(
  context: { schema: ConfigSchema | undefined; whole: Config },
  items: readonly JsonValue[],
  before: Before,
): JsonValue {
  const previous = Array.isArray(before.value) ? (before.value as readonly JsonValue[]) : []
  return items.map((item, index) => {
    const path = [...before.path, index]
    if (!JSON.stringify(item).includes(mask)) return item
    const alike = previous.filter((other) => isAlike(item, other))
    const same = items.length === previous.length && isAlike(item, previous[index] ?? null)
    const chosen = same ? previous[index] : alike.length === 1 ? alike[0] : undefined
    return restore(context, item, { value: chosen, path })
  })
}

/** Equal but for what is masked in the first. */
function isAlike(masked: JsonValue, other: JsonValue): boolean {
  if (masked === mask) return true
  if (Array.isArray(masked))
    return (
      Array.isArray(other) &&
      masked.length === other.length &&
      masked.every((item: JsonValue, index) => isAlike(item, other[index] ?? null))
    )
  if (!isObject(masked)) return masked === other
  if (!isObject(other)) return false
  const names = new Set([...Object.keys(masked), ...Object.keys(other)])
  return [...names].every((name) => isAlike(masked[name] ?? null, other[name] ?? null))
}

function isUsable(schema: ConfigSchema | undefined): schema is ConfigSchema {
  return schema !== undefined && !hidesSecrets(schema)
}
