import type { WorkItem } from '@certctl/api'
import {
  CertctlError,
  type Endpoint,
  isSecret,
  parseTargetConfig,
  Secret,
  type TargetDefinition,
  type TargetSettings,
} from '@certctl/core'
import type { Agent } from './agent.js'
import { endpointsOf } from './endpoints.js'
import { markedValues } from './marked-schema.js'
import { requireNotForeign } from './owned-files.js'
import { type Policy, readPolicy } from './policy.js'
import { resolveReferences } from './resolve-references.js'

type RawConfig = Readonly<Record<string, unknown>>

/** A target as the server sends it, or as the journal keeps it. */
export interface TargetOrder {
  targetId: string
  type: string
  config: RawConfig
}

/** A target this agent can act on: its connector found, its configuration parsed, its secrets resolved, the policy of this moment beside it. */
export interface PreparedTarget extends TargetOrder {
  definition: TargetDefinition<unknown>
  settings: TargetSettings
  parsed: unknown
  /** Every value its schema marks as secret, references resolved. */
  secrets: readonly Secret[]
  endpoints: readonly Endpoint[]
  /** What must not be changed by two deployments at once. */
  lane: string
  policy: Policy
}

/** Throws `unsupported`, `config_invalid` or `policy_denied`. */
export async function prepareTarget(agent: Agent, order: TargetOrder): Promise<PreparedTarget> {
  const { definition } = agent.registry.get('target', order.type)
  requirePlatform(definition)
  const policy = await readPolicy(agent.config.policyFile)
  const raw = await resolved(agent, policy, { order, definition })
  const { settings, config } = parseTargetConfig(definition, raw)
  const endpoints = endpointsOf(settings, definition.endpoints?.(config) ?? [])
  const lock = definition.lockKey?.(config)
  const lane = lock === undefined ? `target ${order.targetId}` : `${definition.type} ${lock}`
  const secrets = markedValues(raw, definition.jsonSchema, 'secret').flatMap(secretOf)
  return { ...order, definition, settings, parsed: config, secrets, endpoints, lane, policy }
}

function secretOf(value: unknown): Secret[] {
  if (isSecret(value)) return [value]
  return typeof value === 'string' && value !== '' ? [new Secret(value)] : []
}

/** Asks everything that can be asked before the first file is written: a refusal half-way would have to be undone with the very means that were refused. Throws `policy_denied`, or `conflict` where another agent writes. */
export async function requireAllowed(agent: Agent, { definition, parsed, policy }: PreparedTarget): Promise<void> {
  const { jsonSchema, proposedCommands = [] } = definition
  for (const command of markedValues(parsed, jsonSchema, 'command'))
    if (isArgv(command)) policy.allowCommand(command, proposedCommands)
  for (const path of markedValues(parsed, jsonSchema, 'file')) {
    if (typeof path !== 'string') continue
    await policy.allowWrite(path)
    await requireNotForeign(path, agent.installation)
  }
}

function isArgv(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === 'string')
}

export function targetOrderOf({ target_id, target_type, target_config }: WorkItem): TargetOrder {
  if (target_id === undefined || target_type === undefined || target_config === undefined)
    throw new CertctlError('upstream_protocol', 'The server sent a job without the target it is about')
  return { targetId: target_id, type: target_type, config: target_config }
}

function requirePlatform({ type, capabilities }: TargetDefinition<unknown>): void {
  if (capabilities.platforms.some((platform) => platform === process.platform)) return
  throw new CertctlError(
    'unsupported',
    `${type} works on ${capabilities.platforms.join(', ')}; this host is ${process.platform}`,
  )
}

async function resolved(
  agent: Agent,
  policy: Policy,
  { order, definition }: { order: TargetOrder; definition: TargetDefinition<unknown> },
): Promise<RawConfig> {
  const config = await resolveReferences(order.config, definition.jsonSchema, {
    policy,
    readFile: async (path) => Buffer.from(await agent.host.files.read(path, { maxBytes: 65_536 })).toString('utf8'),
    readVariable: agent.config.secretFromEnvironment,
  })
  return { ...(config as object) }
}
