import { z } from 'zod'
import type { Operation, Operations } from './op.js'
import { problemMediaType, problemSchema } from './problem.js'
import { mediaTypeKey } from './scalars.js'

type Json = { [key: string]: unknown }

/** The interface as an OpenAPI 3.1 document: schemas with names become components, every refusal is a problem document. */
export function openApi(operations: Operations, info: { title: string; version: string }): Json {
  const components: Json = {}
  const paths: { [path: string]: Json } = {}
  jsonSchema(problemSchema, components)
  for (const operation of Object.values(operations)) {
    const known = paths[operation.path] ?? {}
    paths[operation.path] = { ...known, [operation.method.toLowerCase()]: describe(operation, components) }
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: {
      schemas: components,
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: "An API key, or an agent's own." } },
      responses: {
        Problem: {
          description: 'A refusal, as RFC 9457 has it',
          content: { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  }
}

function describe(operation: Operation, components: Json): Json {
  const parameters = [
    ...parametersOf(operation.params, 'path', components),
    ...parametersOf(operation.query, 'query', components),
    ...headersOf(operation),
  ]
  return {
    operationId: operation.operationId,
    summary: operation.summary,
    tags: [tagOf(operation.path)],
    'x-permission': operation.permission,
    ...(operation.agent === undefined ? {} : { 'x-agent': operation.agent }),
    security: operation.permission === 'public' ? [] : [{ apiKey: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...bodyOf(operation, components),
    responses: responsesOf(operation, components),
  }
}

function tagOf(path: string): string {
  return path.replace(/^\/api\/v1\//, '').split('/')[0] || 'server'
}

function parametersOf(schema: z.ZodObject | undefined, where: 'path' | 'query', components: Json): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, field]) => {
    const { description, ...made } = jsonSchema(field as z.ZodType, components)
    const required = where === 'path' || !(field as z.ZodType).safeParse(undefined).success
    return { name, in: where, required, ...(description === undefined ? {} : { description }), schema: made }
  })
}

function headersOf({ method, path, permission }: Operation): Json[] {
  const header = (name: string, description: string) => [
    { name, in: 'header', required: false, description, schema: { type: 'string', maxLength: 255 } },
  ]
  if (method === 'PUT' && path.endsWith('{id}'))
    return header('If-Match', 'The ETag of the state that was read; 412 where it changed in between.')
  if (method === 'POST' && permission !== 'public')
    return header(
      'Idempotency-Key',
      'The same key and body within 24 hours: the same answer; another body, or a request that may have been done unanswered: 409.',
    )
  return []
}

function bodyOf({ body }: Operation, components: Json): Json {
  if (body === undefined) return {}
  const required = !body.safeParse(undefined).success
  return { requestBody: { required, content: { 'application/json': { schema: jsonSchema(body, components) } } } }
}

function responsesOf({ responses }: Operation, components: Json): Json {
  const answers = Object.entries(responses).map(([status, schema]) => [status, responseOf(status, schema, components)])
  return { ...Object.fromEntries(answers), default: { $ref: '#/components/responses/Problem' } }
}

function responseOf(status: string, schema: z.ZodType, components: Json): Json {
  const description = descriptions[status] ?? 'Refused'
  if (status === '204') return { description }
  const mediaType = schema.meta()?.[mediaTypeKey]
  if (typeof mediaType === 'string') return { description, content: { [mediaType]: { schema: { type: 'string' } } } }
  const type = Number(status) >= 400 && status !== '503' ? problemMediaType : 'application/json'
  return { description, content: { [type]: { schema: jsonSchema(schema, components) } } }
}

const descriptions: Readonly<Record<string, string>> = {
  '200': 'Done',
  '201': 'Made',
  '202': 'Accepted',
  '204': 'Done, nothing to say',
}

/** The side that goes over the wire, in both directions; named schemas move to the components. */
function jsonSchema(schema: z.ZodType, components: Json): Json {
  const made: Json = JSON.parse(
    JSON.stringify(z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' })).replaceAll(
      '#/$defs/',
      '#/components/schemas/',
    ),
  )
  const { $schema: _, $defs, ...rest } = made
  for (const [name, part] of Object.entries(($defs ?? {}) as Json)) components[name] ??= withoutId(part as Json)
  if (typeof rest.id !== 'string') return rest
  components[rest.id] ??= withoutId(rest)
  return { $ref: `#/components/schemas/${rest.id}` }
}

function withoutId({ id: _, $id: __, ...part }: Json): Json {
  return part
}
