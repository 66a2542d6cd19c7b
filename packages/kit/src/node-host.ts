import { randomBytes } from 'node:crypto'
import { Agent as HttpsAgent } from 'node:https'
import type { FileSystem, Host, Logger, StateStore } from '@certctl/core'
import { type Clock, systemClock } from './clock.js'
import { openConnection, startTls, tlsOptionsOf } from './connection.js'
import { createFileSystem } from './file-system.js'
import { createAgent, createHttpClient } from './http-client.js'
import { runCommand } from './run-command.js'
import { createShared } from './shared.js'
import { resolveDns } from './system-resolver.js'

export interface NodeHostOptions {
  instance: Host['instance']
  state: StateStore
  log: Logger
  /** Default: the machine's own; without `delay` only waiting is. */
  clock?: (Pick<Clock, 'now'> & Partial<Clock>) | undefined
  /** Default: the machine's own. A journaled one for a deployment. */
  files?: FileSystem | undefined
  /** One for all hosts of a process, where their reloads are to be joined. */
  shared?: Host['shared'] | undefined
}

/** The machine this process runs on, as a connector may use it. */
export function createNodeHost({ instance, state, log, clock = systemClock, files, shared }: NodeHostOptions): Host {
  return {
    instance,
    state,
    log,
    now: () => clock.now(),
    delay: clock.delay ?? systemClock.delay,
    files: files ?? createFileSystem(),
    shared: shared ?? createShared(),
    run: runCommand,
    http: (options) => createHttpClient(options, () => clock.now()),
    connect: openConnection,
    startTls,
    transport: (tls = {}) => ({
      httpsAgent: Object.assign(createAgent(HttpsAgent, { tls }), { options: tlsOptionsOf(tls) }),
      caPem: tls.caPem,
      connectSeconds: 30,
      requestSeconds: 60,
    }),
    resolve: resolveDns,
    random: (bytes) => randomBytes(bytes),
  }
}
