import { CertctlError, type FileSystem, type GeneralName, type VerificationReport } from '@certctl/core'
import type { Agent } from './agent.js'
import { type Look, lookAtAll } from './confirm-served.js'
import { connectTarget } from './connect-target.js'
import type { PreparedTarget } from './prepare-target.js'

/** What should be there. */
export interface Expected {
  certificateId: string
  fingerprint: string
  names: readonly GeneralName[]
}

export interface Sight {
  /** Absent where the target cannot tell what it holds. */
  held: VerificationReport | undefined
  looks: readonly Look[]
}

/** Reads a target and shakes hands with its endpoints, once. Changes nothing; differences are results. */
export async function lookAtPlacement(
  agent: Agent,
  target: PreparedTarget,
  { expected, signal }: { expected: Expected; signal: AbortSignal },
): Promise<Sight> {
  const connector = connectTarget(agent, { target, files: readOnly(agent.host.files), confirmServed: refuse })
  try {
    const mayTell = target.definition.capabilities.verifies !== 'none'
    const held = mayTell ? await connector.verify({ ...expected, signal }) : undefined
    return { held, looks: await lookAtEndpoints(agent, target, { expected, signal }) }
  } finally {
    await connector.close?.()
  }
}

async function lookAtEndpoints(
  agent: Agent,
  { settings, endpoints }: PreparedTarget,
  { expected, signal }: { expected: Expected; signal: AbortSignal },
): Promise<readonly Look[]> {
  const expectation = { ...expected, isSibling: () => false }
  const looking = { net: agent.host, settings, now: agent.clock.now, expected: expectation }
  return await lookAtAll(looking, endpoints, signal)
}

/** Nothing is written by whoever only looks. */
export function readOnly(files: FileSystem): FileSystem {
  return { ...files, replace: refuse, remove: refuse }
}

export async function refuse(): Promise<never> {
  throw new CertctlError('internal', 'A connector tried to change its target while it was only asked what is there')
}
