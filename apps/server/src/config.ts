import { readFileSync } from 'node:fs'
import { CertctlError, type FieldFault, faultsOf, messageOf } from '@certctl/core'
import { defaultPublicUrl, defaultStateDir, type SettingName, type Settings, settingsSchema } from './config-schema.js'

export type Environment = Readonly<Record<string, string | undefined>>
/** Where a setting's value came from. */
export type Source = 'default' | 'environment' | { file: string }

export interface Config extends Settings {
  readonly state_dir: string
  readonly public_url: string
  readonly sources: Readonly<Record<SettingName, Source>>
  /** Everything, for connectors' instances that are made from variables. */
  readonly environment: Environment
  /** Names that are set and begin with `CERTCTL_`. */
  readonly environmentNames: readonly string[]
}

export const prefix = 'CERTCTL_'

export function variableOf(setting: string): string {
  return prefix + setting.toUpperCase()
}

/** The only reader of the environment. All wrong values are named at once. */
export function readConfig(environment: Environment = process.env): Config {
  const names = Object.keys(settingsSchema.shape)
  const read = names.map((name) => ({ name, ...readVariable(environment, variableOf(name)) }))
  const faults = read.flatMap(({ fault }) => fault ?? [])
  const raw = Object.fromEntries(read.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])))
  const parsed = settingsSchema.safeParse({ search_path: environment.PATH, ...raw })
  const all = parsed.success ? [...faults, ...faultsBetween(parsed.data)] : [...faults, ...variableFaults(parsed.error)]
  if (!parsed.success || all.length > 0) throw invalid(all)

  return {
    ...parsed.data,
    state_dir: parsed.data.state_dir ?? defaultStateDir(environment),
    public_url: (parsed.data.public_url ?? defaultPublicUrl(parsed.data)).replace(/\/+$/, ''),
    sources: sourcesOf(read),
    environmentNames: Object.keys(environment).filter((name) => name.startsWith(prefix)),
    environment,
  }
}

interface Read {
  value?: string | undefined
  source: Source
  fault?: FieldFault | undefined
}

function readVariable(environment: Environment, variable: string): Read {
  const value = nonEmpty(environment[variable])
  const file = nonEmpty(environment[`${variable}_FILE`])
  if (file === undefined) return value === undefined ? { source: 'default' } : { value, source: 'environment' }
  if (value !== undefined)
    return { source: 'default', fault: { field: variable, message: `is set, and so is ${variable}_FILE; keep one` } }
  try {
    return { value: readFileSync(file, 'utf8').replace(/\r?\n$/, ''), source: { file } }
  } catch (error) {
    return { source: 'default', fault: { field: `${variable}_FILE`, message: `cannot be read: ${messageOf(error)}` } }
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function sourcesOf(read: readonly (Read & { name: string })[]): Record<SettingName, Source> {
  const sources = Object.fromEntries(read.map(({ name, source }) => [name, source]))
  return sources as Record<SettingName, Source>
}

function variableFaults(error: Parameters<typeof faultsOf>[0]): FieldFault[] {
  return faultsOf(error).map(({ field, message }) => ({ field: variableOf(field), message }))
}

/** What no single setting can know. */
function faultsBetween(settings: Settings): FieldFault[] {
  const faults: FieldFault[] = []
  if (settings.database_url !== undefined && settings.config_encryption_key === undefined)
    faults.push({
      field: 'CERTCTL_CONFIG_ENCRYPTION_KEY',
      message: 'is needed with CERTCTL_DATABASE_URL, the same for every copy; make one with: openssl rand -base64 48',
    })
  if (settings.config_encryption_key_previous !== undefined && settings.config_encryption_key === undefined)
    faults.push({
      field: 'CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS',
      message: 'is the key before CERTCTL_CONFIG_ENCRYPTION_KEY, which is not set; set that one to the new key',
    })
  if ((settings.server_tls_cert_path === undefined) !== (settings.server_tls_key_path === undefined))
    faults.push({
      field: 'CERTCTL_SERVER_TLS_CERT_PATH',
      message:
        "and CERTCTL_SERVER_TLS_KEY_PATH belong together; set both, or none for a certificate of the server's own",
    })
  return faults
}

function invalid(faults: readonly FieldFault[]): CertctlError {
  const lines = faults.map(({ field, message }) => `  ${field} ${message}`)
  return new CertctlError('config_invalid', `Settings are wrong:\n${lines.join('\n')}`, { errors: faults })
}
