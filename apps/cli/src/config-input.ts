import { readFileSync } from 'node:fs'
import type { ConnectorType } from '@certctl/api'
import { CertctlError, looseType, markKey } from '@certctl/core'
import type { Cli } from './cli.js'
import { fileFault } from './file-fault.js'

type JsonObject = Record<string, unknown>

/** The content of a file an operator named; `-` is standard input. */
async function readInput(path: string, cli: Cli): Promise<string> {
  try {
    return path === '-' ? await cli.io.readStdin() : readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

/** A CSR in PEM. A file that also holds its private key is refused here, before anything is sent. */
export async function readCsr(path: string, cli: Cli): Promise<string> {
  const pem = await readInput(path, cli)
  if (!pem.includes('PRIVATE KEY-----')) return pem
  const what = path === '-' ? 'Standard input' : path
  throw new CertctlError('config_invalid', `${what} holds a private key, which was not sent; give the CSR alone`)
}

export async function readJsonObject(path: string, cli: Cli): Promise<JsonObject> {
  const text = await readInput(path, cli)
  const what = path === '-' ? 'Standard input' : path
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own words would quote what may be a secret.
    throw new CertctlError('config_invalid', `${what} is not JSON`)
  }
  if (isObject(value)) return value
  throw new CertctlError('config_invalid', `${what} must hold one JSON object`)
}

/** Adds what `--set key=value` says to a configuration; the connector's schema tells text from numbers, and secrets from the rest. */
export async function applySettings(
  config: JsonObject,
  options: { set: readonly string[]; connector: ConnectorType | undefined; cli: Cli },
): Promise<JsonObject> {
  const made: JsonObject = structuredClone(config)
  for (const pair of options.set) {
    const { path, value } = await readPair(pair, options)
    put(made, path, value)
  }
  return made
}

async function readPair(
  pair: string,
  { connector, cli }: { connector: ConnectorType | undefined; cli: Cli },
): Promise<{ path: string[]; value: unknown }> {
  const at = pair.indexOf('=')
  if (at < 1) throw new CertctlError('request_malformed', `--set takes key=value, not ${JSON.stringify(pair)}`)
  const path = pair.slice(0, at).split('.')
  const text = pair.slice(at + 1)
  const field = fieldOf(connector?.schema, path)
  if (text.startsWith('@')) return { path, value: (await readInput(text.slice(1), cli)).replace(/\r?\n$/, '') }
  if (field?.[markKey] === 'secret') throw secretInArguments(path.join('.'))
  return { path, value: readValue(text, field, path.join('.')) }
}

function secretInArguments(name: string): CertctlError {
  return new CertctlError(
    'request_malformed',
    `${name} is a secret, and arguments are seen by everybody on this machine; write --set ${name}=@FILE, or =@- for standard input`,
  )
}

function readValue(text: string, field: JsonObject | undefined, name: string): unknown {
  const takes = typesOf(field)
  if (takes.length === 0 || takes.includes('string')) return text
  try {
    return JSON.parse(text)
  } catch {
    throw new CertctlError(
      'request_malformed',
      `${name} takes ${takes.map((type) => typeNames[type] ?? type).join(' or ')}, not ${JSON.stringify(text)}`,
    )
  }
}

const typeNames: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'a JSON object',
  array: 'a JSON list',
}

/** The JSON types a field takes, through all its alternatives. */
function typesOf(field: JsonObject | undefined): string[] {
  if (field === undefined) return []
  const own = Array.isArray(field.type) ? field.type : [field.type]
  const alternatives = Array.isArray(field.anyOf) ? field.anyOf.filter(isObject).flatMap(typesOf) : []
  return [...own.filter((type) => typeof type === 'string'), ...alternatives]
}

/** The part of a JSON Schema that describes the field at a path. */
function fieldOf(schema: JsonObject | undefined, [first, ...rest]: readonly string[]): JsonObject | undefined {
  if (schema === undefined || first === undefined) return schema
  const { properties } = schema
  const next = isObject(properties) ? properties[first] : undefined
  return isObject(next) ? fieldOf(next, rest) : undefined
}

function put(into: JsonObject, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[first] = value
    return
  }
  const next = into[first]
  const inner: JsonObject = isObject(next) ? next : {}
  into[first] = inner
  put(inner, rest, value)
}

/** What the server knows of a connector type; `undefined` where nobody carries it (the server then says so). */
export async function findConnectorType(
  cli: Cli,
  kind: ConnectorType['kind'],
  type: string,
): Promise<ConnectorType | undefined> {
  const { body } = await cli.client().listConnectorTypes({ query: { kind } })
  return body.data.find((known) => [known.type, ...known.aliases].some((name) => looseType(name) === looseType(type)))
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
