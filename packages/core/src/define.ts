import { z } from 'zod'
import type { JsonValue } from './contract.js'
import { CertctlError } from './errors.js'
import { markKey } from './fields.js'

/** A definition as a connector writes it: `jsonSchema` is made here. */
export type DefinitionInput<D> = Omit<D, 'jsonSchema'>

interface AnyDefinition {
  readonly type: string
  readonly configSchema: z.ZodType
}

/** Adds `jsonSchema`, with `common` fields merged in; throws `config_invalid` for a field nobody described. */
export function define<D extends AnyDefinition & { readonly jsonSchema: JsonValue }>(
  definition: Omit<D, 'jsonSchema'> & AnyDefinition,
  common?: z.ZodType,
): D {
  const own = jsonSchemaOf(definition.configSchema)
  const jsonSchema = common === undefined ? own : merged(own, jsonSchemaOf(common))
  requireDescriptions(definition.type, jsonSchema)
  return { ...definition, jsonSchema } as unknown as D
}

/** The input side of a schema as JSON Schema 2020-12. Marks and descriptions are read from each schema itself, so that those of another copy of zod survive. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchemaObject {
  const made = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      Object.assign(jsonSchema, plain(ownMeta(zodSchema)))
      if (jsonSchema[markKey] === 'secret') keepText(jsonSchema)
    },
  })
  const { $schema: _, ...rest } = made
  return JSON.parse(JSON.stringify(rest)) as JsonSchemaObject
}

/** A `Secret` never crosses a wire: what an operator may write for one is text, and a schema that took anything would tell him too late. */
function keepText(schema: { anyOf?: { type?: unknown }[] }): void {
  const text = schema.anyOf?.find(({ type }) => type === 'string')
  if (text === undefined) return
  delete schema.anyOf
  Object.assign(schema, text)
}

export interface JsonSchemaObject {
  readonly [key: string]: JsonValue | undefined
  readonly properties?: { readonly [key: string]: JsonSchemaObject }
}

function ownMeta(schema: unknown): Record<string, unknown> {
  const meta = (schema as { meta?: () => Record<string, unknown> | undefined }).meta
  return (typeof meta === 'function' ? meta.call(schema) : undefined) ?? {}
}

function plain({ id: _, ...meta }: Record<string, unknown>): Record<string, unknown> {
  return meta
}

function merged(own: JsonSchemaObject, common: JsonSchemaObject): JsonSchemaObject {
  return { ...own, properties: { ...own.properties, ...common.properties } }
}

function requireDescriptions(type: string, schema: JsonSchemaObject): void {
  const silent = Object.entries(schema.properties ?? {}).find(([, field]) => typeof field.description !== 'string')
  if (silent !== undefined)
    throw new CertctlError(
      'config_invalid',
      `${type}: the field ${silent[0]} has no description; end its schema with .describe('…')`,
    )
}
