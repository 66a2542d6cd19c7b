import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { CertctlError, type Logger, type StateStore } from '@certctl/core'
import type { AboutHost } from './about-host.js'
import type { AgentConfig } from './config.js'
import type { ControlPlane } from './control-plane.js'
import {
  type Identity,
  identityOf,
  readIdentity,
  type ServerTrust,
  type StoredIdentity,
  writeIdentity,
} from './identity.js'
import { type JoinToken, parseJoinToken } from './join-token.js'

interface Joining {
  config: AgentConfig
  state: StateStore
  log: Logger
  about: AboutHost
  version: string
  connect(server: ServerTrust): ControlPlane
}

/**
 * Who this agent is: by its settings, by what an earlier start stored, or by joining with the token. The key is stored before its first use,
 * and the token works until then, so that a start that died in between is simply repeated. Throws `gone` when the server has retired it.
 */
export async function establishIdentity(joining: Joining): Promise<Identity> {
  const { config, state, log } = joining
  if (config.apiKey !== undefined && config.agentId !== undefined && config.serverUrl !== undefined)
    return {
      agentId: config.agentId,
      apiKey: config.apiKey,
      server: await trustOf(config, config.serverUrl, undefined),
    }
  const token = config.joinToken === undefined ? undefined : parseJoinToken(config.joinToken)
  const stored = await readIdentity(state)
  if (stored !== undefined && !isLeftBehind(stored, token)) {
    if (stored.retired) throw retired(stored)
    if (token !== undefined)
      log.info('this agent has joined before: the join token is not needed', { agent_id: stored.agent_id })
    return await known(config, stored)
  }
  if (token === undefined) throw unknownAgent()
  return await known(config, await join(joining, token))
}

/** Another token than the one it joined with lets a retired agent begin anew, and moves an agent to another control plane. */
function isLeftBehind(stored: StoredIdentity, token: JoinToken | undefined): boolean {
  if (token === undefined || hashOf(token) === stored.token_sha256) return false
  return stored.retired || (stored.pin !== (token.pin ?? null) && stored.server_url !== token.url)
}

function hashOf({ token }: JoinToken): string {
  return createHash('sha256').update(token.reveal()).digest('hex')
}

async function known(config: AgentConfig, stored: StoredIdentity): Promise<Identity> {
  const identity = identityOf(stored)
  return { ...identity, server: await trustOf(config, config.serverUrl ?? stored.server_url, stored.pin ?? undefined) }
}

async function join(joining: Joining, token: JoinToken): Promise<StoredIdentity> {
  const { config, state, log, about, version } = joining
  const server = await trustOf(config, config.serverUrl ?? token.url, token.pin)
  const { hostname, os, architecture } = about
  const { body } = await joining.connect(server).joinAgent({
    body: { token: token.token.reveal(), name: config.name, hostname, os, architecture, version },
  })
  const identity = {
    agent_id: body.agent.id,
    api_key: body.api_key,
    server_url: server.url,
    pin: token.pin ?? null,
    token_sha256: hashOf(token),
    retired: false,
  }
  await writeIdentity(state, identity)
  log.info('joined the control plane', { agent_id: identity.agent_id, server: server.url })
  return identity
}

/** What the operator says of the server's certificate wins over the token's pin. */
async function trustOf(config: AgentConfig, url: string, pin: string | undefined): Promise<ServerTrust> {
  if (config.insecure) return { url, insecure: true }
  if (config.caBundlePath === undefined) return { url, pin }
  try {
    return { url, caPem: await readFile(config.caBundlePath, 'utf8') }
  } catch (cause) {
    throw new CertctlError('config_invalid', `CERTCTL_SERVER_CA_BUNDLE_PATH: ${config.caBundlePath} cannot be read`, {
      cause,
    })
  }
}

function retired({ agent_id }: StoredIdentity): CertctlError {
  return new CertctlError(
    'gone',
    `The control plane has retired ${agent_id}; to use this host again, start the agent once with a new CERTCTL_JOIN_TOKEN`,
  )
}

function unknownAgent(): CertctlError {
  return new CertctlError(
    'config_invalid',
    'This agent has not joined a control plane yet; start it once with CERTCTL_JOIN_TOKEN (certctl agents join-token prints one), or set CERTCTL_SERVER_URL, CERTCTL_AGENT_ID and CERTCTL_API_KEY',
  )
}
