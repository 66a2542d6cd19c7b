import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CertctlError, type FieldFault, faultsOf, Secret, z } from '@certctl/core'
import { fileFault } from './file-fault.js'
import type { Io } from './io.js'
import { loginFileOf, readLogin, type StoredLogin } from './login-file.js'

/** The only place that reads the process environment. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}

const yesOrNo = z
  .enum(['1', 't', 'true', 'yes', 'on', '0', 'f', 'false', 'no', 'off'], 'must be true or false')
  .transform((value) => ['1', 't', 'true', 'yes', 'on'].includes(value))

/** https only: a key is sent with every request. */
export const serverUrlSchema = z
  .string()
  .refine((value) => isHttpsOrigin(value), 'must be an https URL such as https://certctl.example.com:8443')
  .transform((value) => value.replace(/\/+$/, ''))

const pinSchema = z
  .string()
  .transform((value) => value.replaceAll(':', '').toLowerCase())
  .refine((value) => /^[0-9a-f]{64}$/.test(value), 'must be a SHA-256 in hex, as certctl login shows it')

/** Every setting: environment names, with what `config explain` says about each. A flag wins, then the variable, then what login stored. */
export const settingsSchema = z.object({
  CERTCTL_SERVER_URL: serverUrlSchema.optional().describe('Address of the server.'),
  CERTCTL_API_KEY: z.string().min(1).optional().describe('API key.'),
  CERTCTL_SERVER_CA_BUNDLE_PATH: z
    .string()
    .min(1)
    .optional()
    .describe("PEM file of the CAs that may have signed the server's certificate."),
  CERTCTL_SERVER_PIN: pinSchema.optional().describe("SHA-256 of the public key (SPKI) of the server's CA."),
  CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: yesOrNo
    .optional()
    .describe('Trust any server certificate. For trials only: whoever answers gets the key.'),
})
type SettingName = keyof typeof settingsSchema.shape

const flagOf: Readonly<Record<SettingName, string>> = {
  CERTCTL_SERVER_URL: '--server',
  CERTCTL_API_KEY: '--api-key',
  CERTCTL_SERVER_CA_BUNDLE_PATH: '--ca-bundle',
  CERTCTL_SERVER_PIN: '--pin',
  CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: '--insecure',
}

/** Global flags as commander read them. */
export interface Flags {
  server?: string | undefined
  apiKey?: string | undefined
  apiKeyFile?: string | undefined
  caBundle?: string | undefined
  pin?: string | undefined
  insecure?: boolean | undefined
  config?: string | undefined
}

export interface Setting<T> {
  value: T
  /** Where it came from, for people: `--server`, `CERTCTL_SERVER_URL`, the file, `default`. */
  from: string
}
export interface Settings {
  loginFile: Setting<string>
  server: Setting<string>
  apiKey: Setting<Secret> | undefined
  caPem: Setting<string> | undefined
  pin: Setting<string> | undefined
  insecure: Setting<boolean>
}

/** Where an old installation's command line looked. */
const defaultServer = 'https://localhost:8443'

/** What is in force and where it came from. What login stored belongs to its server and is never used for another. Throws `config_invalid` with every fault. */
export function readSettings(flags: Flags, io: Io): Settings {
  const faults: FieldFault[] = []
  const loginFile = loginFileSetting(flags, io)
  const stored = readLogin(loginFile.value)
  const given = givenSettings(flags, io, faults)
  const parsed = settingsSchema.safeParse(
    Object.fromEntries(Object.entries(given).map(([name, { value }]) => [name, value])),
  )
  if (!parsed.success)
    faults.push(
      ...faultsOf(parsed.error).map((fault) => ({ ...fault, field: given[fault.field]?.from ?? fault.field })),
    )
  if (!parsed.success || faults.length > 0) throw wrongSettings(faults)
  return merged({ values: parsed.data, given, stored, loginFile })
}

function wrongSettings(errors: readonly FieldFault[]): CertctlError {
  const text = errors.map(({ field, message }) => `${field} ${message}`).join('; ')
  return new CertctlError('config_invalid', text, { errors })
}

type Given = Readonly<Record<string, Setting<string>>>

function givenSettings(flags: Flags, io: Io, faults: FieldFault[]): Given {
  const fromFlags: Readonly<Record<SettingName, string | undefined>> = {
    CERTCTL_SERVER_URL: flags.server,
    CERTCTL_API_KEY: flags.apiKey,
    CERTCTL_SERVER_CA_BUNDLE_PATH: flags.caBundle,
    CERTCTL_SERVER_PIN: flags.pin,
    CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: flags.insecure === true ? 'true' : undefined,
  }
  const names = Object.keys(flagOf) as SettingName[]
  const entries = names.flatMap((name) => {
    const flag = fromFlags[name]
    if (flag !== undefined) return [[name, { value: flag, from: flagOf[name] }] as const]
    const value = io.environment[name]?.trim()
    return value === undefined || value === '' ? [] : [[name, { value, from: name }] as const]
  })
  return { ...Object.fromEntries(entries), ...keyFromFile(flags, io, faults) }
}

function keyFromFile(flags: Flags, io: Io, faults: FieldFault[]): Given {
  if (flags.apiKey !== undefined) return {}
  const path = flags.apiKeyFile ?? io.environment.CERTCTL_API_KEY_FILE
  if (path === undefined || path === '') return {}
  const from = flags.apiKeyFile === undefined ? 'CERTCTL_API_KEY_FILE' : '--api-key-file'
  try {
    return { CERTCTL_API_KEY: { value: readFileSync(path, 'utf8').trim(), from: `${from} ${path}` } }
  } catch (error) {
    faults.push({ field: from, message: `cannot be read: ${fileFault(error)}` })
    return {}
  }
}

/** Where login keeps its key. */
export function loginFileSetting(flags: Flags, io: Io): Setting<string> {
  const named = flags.config ?? io.environment.CERTCTL_CONFIG_FILE
  if (named !== undefined && named !== '')
    return { value: resolve(named), from: flags.config === undefined ? 'CERTCTL_CONFIG_FILE' : '--config' }
  const base = io.environment.XDG_CONFIG_HOME
  const folder = base === undefined || base === '' ? join(io.homeDirectory, '.config') : base
  return { value: loginFileOf(folder), from: 'default' }
}

interface Parts {
  values: z.output<typeof settingsSchema>
  given: Given
  stored: StoredLogin | undefined
  loginFile: Setting<string>
}

function merged({ values, given, stored, loginFile }: Parts): Settings {
  const url = values.CERTCTL_SERVER_URL
  const belongs = stored !== undefined && (url === undefined || url === stored.server) ? stored : undefined
  const settle = <T>(name: SettingName, value: T | undefined, kept: T | undefined): Setting<T> | undefined => {
    if (value !== undefined) return { value, from: given[name]?.from ?? name }
    return kept === undefined ? undefined : { value: kept, from: loginFile.value }
  }
  const caPem = readCa(values.CERTCTL_SERVER_CA_BUNDLE_PATH)
  const saysTrust = caPem !== undefined || values.CERTCTL_SERVER_PIN !== undefined
  const secret = (key: string | undefined) => (key === undefined ? undefined : new Secret(key))
  return {
    loginFile,
    server: settle('CERTCTL_SERVER_URL', url, stored?.server) ?? { value: defaultServer, from: 'default' },
    apiKey: settle('CERTCTL_API_KEY', secret(values.CERTCTL_API_KEY), secret(belongs?.api_key)),
    caPem: settle('CERTCTL_SERVER_CA_BUNDLE_PATH', caPem, saysTrust ? undefined : belongs?.ca_pem),
    pin: settle('CERTCTL_SERVER_PIN', values.CERTCTL_SERVER_PIN, saysTrust ? undefined : belongs?.pin_spki_sha256),
    insecure: settle(
      'CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY',
      values.CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY,
      undefined,
    ) ?? {
      value: false,
      from: 'default',
    },
  }
}

function readCa(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `The CA file ${path} cannot be read: ${fileFault(cause)}`, { cause })
  }
}

function isHttpsOrigin(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, search, hash } = new URL(value)
  return protocol === 'https:' && username === '' && password === '' && search === '' && hash === ''
}
