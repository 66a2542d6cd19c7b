import { type JsonValue, type Mark, markKey } from '@certctl/core'

/** What stands for a secret on the wire; sent back it means: as it was. */
export const mask = '********'

/** A JSON Schema as connectors and agents report it, with marks. */
export type ConfigSchema = { readonly [key: string]: JsonValue | undefined }
export type Config = { readonly [key: string]: JsonValue | undefined }
/** Steps from the whole to a part; numbers are positions in lists. */
export type Path = readonly (string | number)[]

/** Replaces each value whose schema carries the mark; all else is kept. `visit` also learns where it is. */
export function mapMarked(
  { schema, mark }: { schema: ConfigSchema; mark: Mark },
  config: Config,
  visit: (value: JsonValue, path: Path) => JsonValue,
): Config {
  const walk = (places: readonly ConfigSchema[], value: JsonValue, path: Path): JsonValue => {
    const here = places.flatMap((place) => readingsOf(schema, place))
    if (value !== null && here.some((place) => place[markKey] === mark)) return visit(value, path)
    if (isList<JsonValue>(value))
      return value.map((item, index) =>
        walk(
          here.flatMap((place) => itemSchemas(place, index)),
          item,
          [...path, index],
        ),
      )
    if (!isObject(value)) return value
    const fields = Object.entries(value).filter((field): field is [string, JsonValue] => field[1] !== undefined)
    return Object.fromEntries(
      fields.map(([name, field]) => [
        name,
        walk(
          here.flatMap((place) => fieldSchemas(place, name)),
          field,
          [...path, name],
        ),
      ]),
    )
  }
  return walk([schema], config, []) as Config
}

/** The texts at places with this mark, in order. */
export function markedTexts(place: { schema: ConfigSchema; mark: Mark }, config: Config): string[] {
  const found: string[] = []
  mapMarked(place, config, (value) => {
    if (typeof value === 'string') found.push(value)
    return value
  })
  return found
}

const deepest = 32

/** A schema, what it refers to, and its alternatives: whichever of them applies to a value. */
function readingsOf(root: ConfigSchema, schema: ConfigSchema, depth = 0): ConfigSchema[] {
  if (depth > deepest) return []
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((word) => schemaList(schema[word]))
  const referred = typeof schema.$ref === 'string' ? schemaList([resolve(root, schema.$ref)]) : []
  return [schema, ...[...alternatives, ...referred].flatMap((other) => readingsOf(root, other, depth + 1))]
}

function resolve(root: ConfigSchema, reference: string): JsonValue | undefined {
  if (reference === '#') return root as JsonValue
  const steps = reference.startsWith('#/') ? reference.slice(2).split('/') : ['']
  return steps.reduce<JsonValue | undefined>(
    (place, step) => (isObject(place) ? place[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
    root as JsonValue,
  )
}

function itemSchemas(schema: ConfigSchema, index: number): ConfigSchema[] {
  const listed = schemaList(schema.prefixItems)[index]
  return listed === undefined ? schemaList([schema.items]) : [listed]
}

function fieldSchemas(schema: ConfigSchema, name: string): ConfigSchema[] {
  const properties = schema.properties
  if (isObject(properties) && Object.hasOwn(properties, name)) return schemaList([properties[name]])
  return schemaList([schema.additionalProperties])
}

function schemaList(value: unknown): ConfigSchema[] {
  return isList<JsonValue | undefined>(value) ? value.filter((item): item is Config => isObject(item)) : []
}

const walked = new Set([
  'properties',
  'items',
  'prefixItems',
  'anyOf',
  'oneOf',
  'allOf',
  'additionalProperties',
  '$defs',
])

/** Whether some secret is marked at a place that `mapMarked` does not walk to; such a configuration is sealed whole. */
export function hidesSecrets(schema: ConfigSchema): boolean {
  return Object.entries(schema).some(([word, part]) => {
    if (word === 'properties' || word === '$defs')
      return isObject(part) && Object.values(part).some((field) => isObject(field) && hidesSecrets(field))
    if (walked.has(word)) return [part].flat().some((inner) => isObject(inner) && hidesSecrets(inner))
    return word !== markKey && mentionsSecret(part)
  })
}

function mentionsSecret(part: JsonValue | undefined): boolean {
  return part !== undefined && JSON.stringify(part).includes(`"${markKey}":"secret"`)
}

export function isObject(value: JsonValue | undefined): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isList<T>(value: unknown): value is readonly T[] {
  return Array.isArray(value)
}
