import { readFile } from 'node:fs/promises'
import {
  CertctlError,
  type EnvironmentInstance,
  isCertctlError,
  type JsonValue,
  messageOf,
  parseConfig,
  type Registered,
} from '@certctl/core'
import type { Services } from '../services.js'
import { type ServerKind, serverKinds } from './kind-words.js'
import { type Config, type ConfigSchema, isObject } from './marked-schema.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface EnvironmentFound {
  kind: ServerKind
  entry: Registered<ServerKind>
  instance: EnvironmentInstance
  config: Config
}

/** What the environment describes. Throws `config_invalid` with every wrong variable, of all instances at once. */
export async function readEnvironment(
  services: Pick<Services, 'registry'>,
  environment: Environment,
): Promise<EnvironmentFound[]> {
  const offered = serverKinds.flatMap((kind) =>
    services.registry
      .list(kind)
      .flatMap((entry) => (entry.definition.environment ?? []).map((instance) => ({ kind, entry, instance }))),
  )
  const wanted = offered.filter(({ instance: { when } }) => when === undefined || isSet(environment, when))
  const outcomes = await Promise.all(
    wanted.map(async (offer) => {
      try {
        return { ...offer, config: await readConfig(offer, environment) }
      } catch (error) {
        if (isCertctlError(error)) return error
        throw error
      }
    }),
  )
  const faults = outcomes.filter((outcome) => isCertctlError(outcome))
  if (faults.length === 0) return outcomes.filter((outcome): outcome is EnvironmentFound => !isCertctlError(outcome))
  throw new CertctlError('config_invalid', faults.map(messageOf).join('\n'), {
    errors: faults.flatMap((fault) => fault.errors ?? []),
  })
}

async function readConfig(offer: Omit<EnvironmentFound, 'config'>, environment: Environment): Promise<Config> {
  const { entry, instance } = offer
  const { configSchema, jsonSchema, type } = entry.definition
  const config: { [key: string]: JsonValue } = { ...instance.defaults }
  for (const [key, variable] of Object.entries(instance.variables)) {
    const text = await textOf(environment, variable)
    if (text !== undefined) config[key] = typed(fieldOf(jsonSchema as ConfigSchema, key), text)
  }
  try {
    parseConfig(configSchema, config, type)
    return config
  } catch (cause) {
    if (!isCertctlError(cause)) throw cause
    const errors = (cause.errors ?? []).map(({ field, message }) => ({
      field: instance.variables[field.split('.')[0] ?? ''] ?? `${instance.id}.${field}`,
      message,
    }))
    const sentence = errors.map(({ field, message }) => `${field}: ${message}`).join('; ')
    throw new CertctlError('config_invalid', sentence === '' ? cause.message : sentence, { cause, errors })
  }
}

function isSet(environment: Environment, variable: string): boolean {
  return (environment[variable] ?? environment[`${variable}_FILE`] ?? '') !== ''
}

async function textOf(environment: Environment, variable: string): Promise<string | undefined> {
  const direct = environment[variable]
  if (direct !== undefined && direct !== '') return direct
  const path = environment[`${variable}_FILE`]
  if (path === undefined || path === '') return undefined
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    const field = `${variable}_FILE`
    const message = `cannot be read: ${messageOf(cause)}`
    throw new CertctlError('config_invalid', `${field}: ${message}`, { cause, errors: [{ field, message }] })
  }
}

function fieldOf(schema: ConfigSchema, key: string): ConfigSchema {
  const field = isObject(schema.properties) ? schema.properties[key] : undefined
  return isObject(field) ? field : {}
}

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  '1': true,
  false: false,
  no: false,
  '0': false,
}

/** Text of the environment as the field's type; what cannot be turned stays text, for the schema to refuse. */
function typed(field: ConfigSchema, text: string): JsonValue {
  if (field.type === 'boolean') return truths[text.toLowerCase()] ?? text
  if (field.type === 'integer' || field.type === 'number')
    return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
  if (field.type === 'array')
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  return text
}
