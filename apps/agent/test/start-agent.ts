import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Agent } from '../src/agent.js'
import { createAgentEnd } from '../src/agent-end.js'
import { compose } from '../src/compose.js'
import { readConfig } from '../src/config.js'
import type { AgentLog } from '../src/log.js'
import { runAgent } from '../src/run-agent.js'
import { eventually } from './eventually.js'
import { createFakeControlPlane, type FakeControlPlane } from './fake-control-plane.js'

export interface LogLine {
  level: string
  message: string
  fields: Readonly<Record<string, unknown>>
}

export interface RunningAgent {
  agent: Agent
  log: readonly LogLine[]
  /** As a supervisor's SIGTERM does. */
  stop(): Promise<void>
  ended: Promise<'stopped' | 'retired' | undefined>
}

/** A control plane, an empty machine (directories of their own), and agents on it in this process. */
export interface Scene {
  server: FakeControlPlane
  directory: string
  environment: Record<string, string>
  start(more?: Record<string, string>): Promise<RunningAgent>
  close(): Promise<void>
}

export async function createScene(): Promise<Scene> {
  const directory = await mkdtemp(join(tmpdir(), 'certctl-agent-'))
  const server = await createFakeControlPlane()
  const running: RunningAgent[] = []
  const environment = {
    CERTCTL_JOIN_TOKEN: server.joinToken(),
    CERTCTL_STATE_DIR: join(directory, 'state'),
    CERTCTL_HEARTBEAT_INTERVAL: '1s',
    CERTCTL_OBSERVE_INTERVAL: '1s',
  }
  return {
    server,
    directory,
    environment,
    async start(more = {}) {
      const started = await startAgent({ ...environment, ...more })
      running.push(started)
      return started
    },
    async close() {
      for (const one of running) await one.stop()
      await server.close()
      // A command that an agent began may outlive it by a moment, and write there.
      await rm(directory, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

async function startAgent(environment: Record<string, string>): Promise<RunningAgent> {
  const config = readConfig({ argv: [], environment, isRoot: false })
  const lines: LogLine[] = []
  const { agent, rememberRetirement, release } = await compose(config, {
    log: capturedLog(lines),
    version: '0.0.0-test',
  })
  const end = createAgentEnd()
  const ended = runAgent(agent, end).then(async () => {
    if (end.reason === 'retired') await rememberRetirement()
    await release()
    return end.reason
  })
  return {
    agent,
    log: lines,
    ended,
    async stop() {
      end.stop()
      await ended
    },
  }
}

function capturedLog(lines: LogLine[]): AgentLog {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** The common beginning: a certificate for localhost is wanted, its key made here and its first version issued. */
export async function issueFirst({ server }: Scene, id = 'mc-www') {
  const certificate = server.state.certificates.get(id) ?? {
    id,
    names: [{ type: 'dns' as const, value: 'localhost' }],
    key: 'EC-P256',
    versions: [],
  }
  server.state.certificates.set(id, certificate)
  const had = certificate.versions.length
  const job = server.state.queue({ kind: 'issue', certificateId: id })
  await eventually(`version ${had + 1} of ${id}`, () => certificate.versions.length > had)
  return { certificate, job, version: certificate.versions[had] }
}
