import type { WorkItem } from '@certctl/api'
import { CertctlError, isCertctlError, messageOf } from '@certctl/core'
import type { Agent } from './agent.js'
import { lookAtAll } from './confirm-served.js'
import { connectTarget } from './connect-target.js'
import type { JobResult } from './job-result.js'
import { type PreparedTarget, prepareTarget, requireAllowed, targetOrderOf } from './prepare-target.js'
import { endpointText } from './probe.js'

/** A test job: the configuration holds, the connector's own test passes, and what the endpoints show. Changes nothing. */
export async function runTest(agent: Agent, item: WorkItem, signal: AbortSignal): Promise<JobResult> {
  const target = await prepareTarget(agent, targetOrderOf(item))
  await requireAllowed(agent, target)
  const own = await connectorTest(agent, target, signal)
  const endpoints = await endpointsSeen(agent, target, signal)
  return { outcome: 'done', detail: [own, ...endpoints].join('; ').slice(0, 4000) }
}

async function connectorTest(agent: Agent, target: PreparedTarget, signal: AbortSignal): Promise<string> {
  const connector = connectTarget(agent, {
    target,
    files: agent.host.files,
    confirmServed: async () => 'unverifiable',
  })
  try {
    if (connector.test === undefined) return 'The configuration is sound; this connector has no further test'
    return (await connector.test(signal)).detail
  } catch (cause) {
    if (isCertctlError(cause)) throw cause
    throw new CertctlError('connection_failed', messageOf(cause), { cause })
  } finally {
    await connector.close?.()
  }
}

/** Nothing is expected of the endpoints yet: what they show is for the operator to read. */
async function endpointsSeen(
  agent: Agent,
  { settings, endpoints }: PreparedTarget,
  signal: AbortSignal,
): Promise<string[]> {
  const expected = { fingerprint: '', names: [], isSibling: () => false }
  const looks = await lookAtAll({ net: agent.host, settings, now: agent.clock.now, expected }, endpoints, signal)
  return looks.map(({ endpoint, seen, detail }) =>
    seen === undefined ? (detail ?? '') : `${endpointText(endpoint)} serves ${seen.fingerprint}`,
  )
}
