import { type JsonValue, type Mark, markKey } from '@certctl/core'

type SchemaObject = { readonly [key: string]: JsonValue | undefined }

/** Every value of a configuration that its JSON Schema marks as this, however deep. */
export function markedValues(value: unknown, schema: JsonValue, mark: Mark): unknown[] {
  if (isMarked(schema, mark)) return value === undefined ? [] : [value]
  if (Array.isArray(value)) return value.flatMap((entry) => markedValues(entry, itemSchema(schema), mark))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => markedValues(inner, fieldSchema(schema, name), mark))
}

export function isMarked(schema: JsonValue, mark: Mark): boolean {
  return objectOf(schema)[markKey] === mark
}

/** Of a field of an object, also where the object is one branch of a union or a record. */
export function fieldSchema(schema: JsonValue, name: string): JsonValue {
  const own = objectOf(objectOf(schema).properties ?? {})[name]
  if (own !== undefined) return own
  return fromBranches(schema, (branch) => fieldSchema(branch, name)) ?? objectOf(schema).additionalProperties ?? {}
}

/** Of an entry of a list. */
export function itemSchema(schema: JsonValue): JsonValue {
  return objectOf(schema).items ?? fromBranches(schema, itemSchema) ?? {}
}

function fromBranches(schema: JsonValue, ask: (branch: JsonValue) => JsonValue): JsonValue | undefined {
  const { anyOf, oneOf, allOf } = objectOf(schema)
  const branches = [anyOf, oneOf, allOf].flatMap((list) => (Array.isArray(list) ? (list as readonly JsonValue[]) : []))
  return branches.map(ask).find((found) => Object.keys(objectOf(found)).length > 0)
}

function objectOf(schema: JsonValue): SchemaObject {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema) ? (schema as SchemaObject) : {}
}
