import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CertctlError, createRegistry, discoverConnectors, messageOf, type Registry } from '@certctl/core'
import { createFileSystem, createHttpClient, createNodeHost, createShared, systemClock } from '@certctl/kit'
import { aboutHost } from './about-host.js'
import type { Agent } from './agent.js'
import { createChallenges } from './challenges.js'
import type { AgentConfig } from './config.js'
import { createContact } from './contact.js'
import { createControlPlane } from './control-plane.js'
import { type Identity, markRetired, type ServerTrust } from './identity.js'
import { establishIdentity } from './join.js'
import { createJournal } from './journal.js'
import { createKeyStore } from './keys.js'
import { createLanes } from './lanes.js'
import type { AgentLog } from './log.js'
import { becomeOnlyAgent } from './only-agent.js'
import type { Installation } from './owned-files.js'
import { readPolicy } from './policy.js'
import { createSealedState, readInstallation, type SealedState } from './sealed-state.js'
import { createServerClock } from './server-clock.js'

const requestSeconds = 30
/** Longer than the server parks a poll. */
const longPollSeconds = 90

export interface ComposedAgent {
  agent: Agent
  /** The server does not know this agent any more; the next start must not go on as it. */
  rememberRetirement(): Promise<void>
  release(): Promise<void>
}

/** Puts the agent together: directories, the one lock, who it is (joining where it must), its connectors. */
export async function compose(
  config: AgentConfig,
  { log, version }: { log: AgentLog; version: string },
): Promise<ComposedAgent> {
  await readPolicy(config.policyFile)
  await makePrivate(config.stateDirectory)
  await makePrivate(config.keyDirectory)
  const state = createSealedState(config.stateDirectory, log)
  const installation = await readInstallation(state.identity, config.stateDirectory)
  const only = await becomeOnlyAgent(installation)
  try {
    const about = aboutHost()
    const identity = await establishIdentity({
      config,
      state: state.identity,
      log,
      about,
      version,
      connect: (server) => connect({ server }),
    })
    const agent = await assemble({ config, log, version, state, installation, identity })
    return { agent, rememberRetirement: () => markRetired(state.identity), release: only.release }
  } catch (error) {
    await only.release()
    throw error
  }
}

interface Assembly {
  config: AgentConfig
  log: AgentLog
  version: string
  state: SealedState
  installation: Installation
  identity: Identity
}

async function assemble({ config, log, version, state, installation, identity }: Assembly): Promise<Agent> {
  const { agentId, server } = identity
  const clock = createServerClock()
  const shared = createShared()
  const time = { now: clock.now, delay: systemClock.delay }
  const journalState = state.journalOf(agentId)
  const journal = createJournal(journalState, log)
  const files = createFileSystem()
  const hostFor = (id: string) =>
    createNodeHost({
      instance: { id, publicUrl: server.url },
      state: state.connectorOf(agentId, id),
      log,
      clock: time,
      files,
      shared,
    })
  return {
    id: agentId,
    version,
    config,
    about: aboutHost(),
    installation,
    controlPlane: connect(identity),
    longPoll: connect(identity, longPollSeconds),
    contact: createContact(),
    registry: await loadConnectors(config, log),
    state: journalState,
    journal,
    keys: createKeyStore(config.keyDirectory),
    challenges: createChallenges({ records: journal.challenges, host: config.challengeHost, log, now: clock.now }),
    clock,
    host: hostFor('agent'),
    hostFor,
    lanes: createLanes(),
    log,
    random: Math.random,
  }
}

function connect(
  { server, apiKey }: { server: ServerTrust; apiKey?: Identity['apiKey'] },
  timeLimitSeconds = requestSeconds,
) {
  return createControlPlane({ server, apiKey, timeLimitSeconds, createHttp: createHttpClient })
}

/** A directory that only this user may look into. */
async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
  } catch (cause) {
    throw new CertctlError('config_invalid', `The directory ${directory} cannot be used: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** From the agent's own dependencies and the operator's folder. A package that does not load is named and does not stop the others. */
async function loadConnectors(config: AgentConfig, log: AgentLog): Promise<Registry> {
  const registry = createRegistry()
  const problems = await discoverConnectors(registry, {
    manifest: ownManifest(),
    connectorsDirectory: config.connectorsDirectory,
    allow: config.connectorsAllow,
    kinds: ['target', 'discovery'],
  })
  for (const { package: name, problem } of problems)
    log.error('a connector package was not loaded', { package: name, problem })
  return registry
}

/** Beside the source and beside the bundle alike, package.json is one folder up. */
export function ownManifest(): string {
  return join(dirname(dirname(fileURLToPath(import.meta.url))), 'package.json')
}
