import { readFileSync } from 'node:fs'
import { homedir, hostname } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { CertctlError, duration, type FieldFault, faultsOf, hostname as hostName, Secret, z } from '@certctl/core'
import { errnoOf } from './errno.js'
import { nearestName } from './nearest-name.js'
import { parseFlags } from './parse-flags.js'

/** What the agent was told, checked. Nothing else in the agent reads the environment. */
export interface AgentConfig {
  serverUrl: string | undefined
  caBundlePath: string | undefined
  insecure: boolean
  apiKey: Secret | undefined
  joinToken: Secret | undefined
  agentId: string | undefined
  name: string
  stateDirectory: string
  keyDirectory: string
  discoveryDirectories: readonly string[]
  policyFile: string | undefined
  connectorsDirectory: string | undefined
  connectorsAllow: readonly string[] | undefined
  challengeHost: string | undefined
  logLevel: LogLevel
  heartbeatSeconds: number
  observeSeconds: number
  discoverySeconds: number
  stopSeconds: number
  /** Values that `env:NAME` references may name, as far as policy lets them. */
  secretFromEnvironment(name: string): Secret | undefined
  warnings: readonly string[]
}

const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Ids become names on disk, here and on the server. */
const idShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const httpsUrl = z
  .string()
  .refine((value) => isHttpsOrigin(value), 'must be an https URL such as https://certctl.example.com:8443')
  .transform((value) => value.replace(/\/+$/, ''))
const path = z.string().transform((value) => (isAbsolute(value) ? value : resolve(value)))
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
)
const yesOrNo = z
  .enum(['1', 't', 'true', 'yes', 'on', '0', 'f', 'false', 'no', 'off'], 'must be true or false')
  .transform((value) => ['1', 't', 'true', 'yes', 'on'].includes(value))
const interval = duration().refine((seconds) => seconds >= 1, 'must be at least 1s')

/** The one schema of all settings: environment names, with what `--help` says about each. */
export const settingsSchema = z.object({
  CERTCTL_SERVER_URL: httpsUrl.optional().describe('Address of the control plane. A join token carries it.'),
  CERTCTL_JOIN_TOKEN: z
    .string()
    .optional()
    .describe('One-time token from: certctl agents join-token. Used once; the agent then keeps a key of its own.'),
  CERTCTL_API_KEY: z
    .string()
    .optional()
    .describe("This agent's own key, where it was registered by hand instead of by a token."),
  CERTCTL_AGENT_ID: z
    .string()
    .regex(
      idShape,
      'must begin with a letter or digit and have at most 64 letters, digits, dots, dashes and underscores',
    )
    .optional()
    .describe("This agent's id, beside CERTCTL_API_KEY."),
  CERTCTL_AGENT_NAME: z.string().min(1).max(128).optional().describe('Name shown to people. Default: the host name.'),
  CERTCTL_SERVER_CA_BUNDLE_PATH: path
    .optional()
    .describe("PEM file of the CAs that may have signed the server's certificate, instead of the system's."),
  CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY: yesOrNo
    .optional()
    .describe("Trust any server certificate. For trials only: whoever answers gets the agent's key."),
  CERTCTL_STATE_DIR: path
    .optional()
    .describe(
      'Where the agent keeps its identity and journal. Default: /var/lib/certctl-agent, or ~/.local/state/certctl-agent for others than root.',
    ),
  CERTCTL_KEY_DIR: path
    .optional()
    .describe(
      'Where private keys are made and kept. Default: /var/lib/certctl/keys for root, else keys in the state directory.',
    ),
  CERTCTL_AGENT_POLICY_FILE: path
    .optional()
    .describe(
      'JSON file that decides what a control plane may make this agent do. Print one with --print-policy-example.',
    ),
  CERTCTL_CONNECTORS_DIR: path
    .optional()
    .describe('Folder with further connectors: npm install --prefix DIR some-package.'),
  CERTCTL_CONNECTORS_ALLOW: list.optional().describe('Only these connector packages are loaded; comma-separated.'),
  CERTCTL_CHALLENGE_HOST: hostName()
    .optional()
    .describe('Address where challenges of ACME CAs are answered while the server asks for it. Default: all.'),
  CERTCTL_DISCOVERY_DIRS: list.optional().describe('Directories that are searched for certificates; comma-separated.'),
  CERTCTL_DISCOVERY_INTERVAL: interval.prefault('6h').describe('Time between two searches.'),
  CERTCTL_HEARTBEAT_INTERVAL: interval.prefault('60s').describe('Time between two signs of life.'),
  CERTCTL_OBSERVE_INTERVAL: interval.prefault('5m').describe('Time between two looks at what this agent has deployed.'),
  CERTCTL_STOP_TIMEOUT: interval
    .prefault('30s')
    .describe('How long running jobs may take once the agent was asked to stop.'),
  CERTCTL_LOG_LEVEL: z
    .enum(logLevels, `must be one of ${logLevels.join(', ')}`)
    .prefault('info')
    .describe('debug, info, warn or error. Logs are JSON on stdout.'),
})

type SettingName = keyof typeof settingsSchema.shape
type Settings = z.output<typeof settingsSchema>

/** Settings whose value may instead come from the file named by NAME_FILE. */
export const secretSettings: readonly SettingName[] = ['CERTCTL_JOIN_TOKEN', 'CERTCTL_API_KEY']

/** The flags of the old agent and ours; each is another way to write one setting. */
export const flagSettings: Readonly<Record<string, SettingName>> = {
  server: 'CERTCTL_SERVER_URL',
  'join-token': 'CERTCTL_JOIN_TOKEN',
  'api-key': 'CERTCTL_API_KEY',
  'agent-id': 'CERTCTL_AGENT_ID',
  name: 'CERTCTL_AGENT_NAME',
  'ca-bundle': 'CERTCTL_SERVER_CA_BUNDLE_PATH',
  'insecure-skip-verify': 'CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY',
  'state-dir': 'CERTCTL_STATE_DIR',
  'key-dir': 'CERTCTL_KEY_DIR',
  'policy-file': 'CERTCTL_AGENT_POLICY_FILE',
  'connectors-dir': 'CERTCTL_CONNECTORS_DIR',
  'discovery-dirs': 'CERTCTL_DISCOVERY_DIRS',
  'log-level': 'CERTCTL_LOG_LEVEL',
}

/** The command and the flags it was started with. */
export function parseCommandLine(argv: readonly string[]): ReturnType<typeof parseFlags> {
  return parseFlags(argv, { flags: flagSettings, token: 'CERTCTL_JOIN_TOKEN' })
}

/** What a process is started with. */
export interface StartInput {
  argv: readonly string[]
  environment: Readonly<Record<string, string | undefined>>
  isRoot: boolean
}

export function startInput(): StartInput {
  return { argv: process.argv.slice(2), environment: process.env, isRoot: process.getuid?.() === 0 }
}

/** Throws one `config_invalid` that names every wrong setting. */
export function readConfig(input: StartInput): AgentConfig {
  const faults: FieldFault[] = []
  const given = givenSettings(input, faults)
  const parsed = settingsSchema.safeParse(given)
  faults.push(...(parsed.success ? [] : faultsOf(parsed.error)), ...identityFaults(given))
  if (!parsed.success || faults.length > 0) throw wrongSettings(faults)
  return configOf(parsed.data, input)
}

function wrongSettings(errors: readonly FieldFault[]): CertctlError {
  const lines = errors.map(({ field, message }) => `  ${field}: ${message}`)
  return new CertctlError('config_invalid', `The agent cannot start with these settings:\n${lines.join('\n')}`, {
    errors,
  })
}

function givenSettings(input: StartInput, faults: FieldFault[]): Record<string, string> {
  const flags = parseCommandLine(input.argv)
  faults.push(...flags.faults)
  const names = Object.keys(settingsSchema.shape)
  const entries = names.map((name) => [name, flags.values[name] ?? fromEnvironment(name, input, faults)] as const)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  )
}

function fromEnvironment(name: string, { environment }: StartInput, faults: FieldFault[]): string | undefined {
  const file = environment[`${name}_FILE`]
  if (!secretSettings.some((secret) => secret === name) || file === undefined || file === '')
    return environment[name]?.trim()
  if (environment[name] !== undefined && environment[name] !== '') {
    faults.push({ field: name, message: `is set as well as ${name}_FILE; keep one of them` })
    return undefined
  }
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    faults.push({ field: `${name}_FILE`, message: `${file} cannot be read (${errnoOf(error)})` })
    return undefined
  }
}

function identityFaults(settings: Readonly<Record<string, string>>): FieldFault[] {
  const { CERTCTL_API_KEY: key, CERTCTL_AGENT_ID: id, CERTCTL_SERVER_URL: server } = settings
  const faults: FieldFault[] = []
  if (key !== undefined && id === undefined)
    faults.push({
      field: 'CERTCTL_AGENT_ID',
      message: 'is needed beside CERTCTL_API_KEY: the id of the agent the key belongs to',
    })
  if (key !== undefined && server === undefined)
    faults.push({
      field: 'CERTCTL_SERVER_URL',
      message: 'is needed beside CERTCTL_API_KEY: https://host:port of the control plane',
    })
  return faults
}

function configOf(settings: Settings, input: StartInput): AgentConfig {
  const stateDirectory = settings.CERTCTL_STATE_DIR ?? defaultStateDirectory(input)
  return {
    serverUrl: settings.CERTCTL_SERVER_URL,
    caBundlePath: settings.CERTCTL_SERVER_CA_BUNDLE_PATH,
    insecure: settings.CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY ?? false,
    apiKey: secretOf(settings.CERTCTL_API_KEY),
    joinToken: secretOf(settings.CERTCTL_JOIN_TOKEN),
    agentId: settings.CERTCTL_AGENT_ID,
    name: settings.CERTCTL_AGENT_NAME ?? hostname(),
    stateDirectory,
    keyDirectory: settings.CERTCTL_KEY_DIR ?? defaultKeyDirectory(settings, stateDirectory, input),
    discoveryDirectories: (settings.CERTCTL_DISCOVERY_DIRS ?? []).map((directory) => resolve(directory)),
    policyFile: settings.CERTCTL_AGENT_POLICY_FILE,
    connectorsDirectory: settings.CERTCTL_CONNECTORS_DIR,
    connectorsAllow: settings.CERTCTL_CONNECTORS_ALLOW,
    challengeHost: settings.CERTCTL_CHALLENGE_HOST,
    logLevel: settings.CERTCTL_LOG_LEVEL,
    heartbeatSeconds: settings.CERTCTL_HEARTBEAT_INTERVAL,
    observeSeconds: settings.CERTCTL_OBSERVE_INTERVAL,
    discoverySeconds: settings.CERTCTL_DISCOVERY_INTERVAL,
    stopSeconds: settings.CERTCTL_STOP_TIMEOUT,
    secretFromEnvironment: (name) => secretOf(input.environment[name]),
    warnings: unknownNames(input),
  }
}

function secretOf(value: string | undefined): Secret | undefined {
  return value === undefined || value === '' ? undefined : new Secret(value)
}

function defaultStateDirectory({ environment, isRoot }: StartInput): string {
  if (isRoot) return '/var/lib/certctl-agent'
  const base = environment.XDG_STATE_HOME
  return join(base === undefined || base === '' ? join(homedir(), '.local', 'state') : base, 'certctl-agent')
}

/** Old installations keep their keys where their agent kept them. */
function defaultKeyDirectory(settings: Settings, stateDirectory: string, { isRoot }: StartInput): string {
  return isRoot && settings.CERTCTL_STATE_DIR === undefined ? '/var/lib/certctl/keys' : join(stateDirectory, 'keys')
}

function isHttpsOrigin(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, username, password, search, hash } = new URL(value)
  return protocol === 'https:' && username === '' && password === '' && search === '' && hash === ''
}

/** Prefix of variables that hold secrets for `env:` references: ours, but not settings. */
export const secretVariablePrefix = 'CERTCTL_SECRET_'

function unknownNames({ environment }: StartInput): string[] {
  const known = [...Object.keys(settingsSchema.shape), ...secretSettings.map((name) => `${name}_FILE`)]
  const ours = Object.keys(environment).filter(
    (name) => name.startsWith('CERTCTL_') && !name.startsWith(secretVariablePrefix),
  )
  const unknown = ours.filter((name) => !known.includes(name))
  return unknown.map((name) => `${name} is not a setting of the agent; the nearest one is ${nearestName(name, known)}`)
}
