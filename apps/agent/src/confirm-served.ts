import {
  CertctlError,
  type Endpoint,
  type Fingerprint,
  type GeneralName,
  isCertctlError,
  messageOf,
  type TargetSettings,
} from '@certctl/core'
import { serverNameOf } from './endpoints.js'
import { endpointText, type ProbeNet, probe, type Seen } from './probe.js'

/** What the last look at one endpoint showed. */
export interface Look {
  endpoint: Endpoint
  at: Date
  verdict: 'served' | 'sibling' | 'other' | 'unreachable'
  seen?: Seen | undefined
  detail?: string | undefined
}

export interface Expectation {
  fingerprint: Fingerprint
  names: readonly GeneralName[]
  /** Whether what an endpoint shows is the current certificate of another holder of the same names. */
  isSibling(seen: Seen): boolean
}

interface Looking {
  net: ProbeNet
  endpoints: readonly Endpoint[]
  expected: Expectation
  settings: Pick<TargetSettings, 'post_deploy_verify' | 'grace'>
  now(): Date
  delay(seconds: number, signal: AbortSignal): Promise<void>
}

const longestPauseSeconds = 5

// Web servers let their old workers accept for a tenth of a second beside the new ones, and longer on a busy machine.
const settlePauseSeconds = 0.5
const mostSettlings = 5

/** Looks until every endpoint has served this leaf, and then once more: what a reload leaves behind must have stopped answering. The looks are given back whatever comes of it. */
export async function confirmServed(
  looking: Looking,
  signal: AbortSignal,
): Promise<{ outcome: 'served' | 'later' | 'unverifiable' | 'not served'; looks: readonly Look[] }> {
  const { attempts, backoff } = looking.settings.post_deploy_verify
  if (looking.endpoints.length === 0) return { outcome: 'unverifiable', looks: [] }
  let looks = await lookAtAll(looking, looking.endpoints, signal)
  let pause = Math.min(backoff, longestPauseSeconds)
  for (let look = 1; look < attempts && !allServed(looks); look += 1) {
    await looking.delay(pause, signal)
    pause = Math.min(pause * 1.5, longestPauseSeconds)
    looks = await lookAgain(looking, looks, signal)
  }
  if (allServed(looks)) looks = await settled(looking, looks, signal)
  return { outcome: outcomeOf(looks, looking.settings.grace), looks }
}

/** One handshake that shows the new certificate may have been luck. A sibling met now takes nothing back. */
async function settled(looking: Looking, passed: readonly Look[], signal: AbortSignal): Promise<readonly Look[]> {
  let looks = passed
  for (let round = 0; round < mostSettlings; round += 1) {
    await looking.delay(settlePauseSeconds, signal)
    looks = await lookAtAll(looking, looking.endpoints, signal)
    if (looks.every(({ verdict }) => verdict === 'served' || verdict === 'sibling')) return passed
  }
  return looks
}

function allServed(looks: readonly Look[]): boolean {
  return looks.every((look) => look.verdict === 'served')
}

function outcomeOf(looks: readonly Look[], graceSeconds: number) {
  if (allServed(looks)) return 'served'
  const others = looks.filter((look) => look.verdict !== 'served')
  if (others.every((look) => look.verdict === 'sibling')) return 'unverifiable'
  return graceSeconds > 0 ? 'later' : 'not served'
}

/** One look at each endpoint, at the same time. */
export async function lookAtAll(
  looking: Omit<Looking, 'endpoints' | 'delay'>,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<readonly Look[]> {
  return await Promise.all(endpoints.map((endpoint) => lookAt(looking, endpoint, signal)))
}

/** Behind a load balancer each look may meet another server: an endpoint that has shown the leaf once has passed. */
async function lookAgain(looking: Looking, looks: readonly Look[], signal: AbortSignal): Promise<readonly Look[]> {
  return await Promise.all(
    looks.map(async (look) => (look.verdict === 'served' ? look : await lookAt(looking, look.endpoint, signal))),
  )
}

async function lookAt(
  looking: Omit<Looking, 'endpoints' | 'delay'>,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Look> {
  const { net, expected, settings, now } = looking
  const serverName = serverNameOf(endpoint, expected.names)
  try {
    const seen = await probe(net, endpoint, {
      serverName,
      timeLimitSeconds: settings.post_deploy_verify.timeout,
      signal,
    })
    return { endpoint, at: now(), seen, verdict: verdictOf(seen, expected) }
  } catch (error) {
    if (isCertctlError(error) && error.code === 'aborted') throw error
    return { endpoint, at: now(), verdict: 'unreachable', detail: messageOf(error) }
  }
}

function verdictOf(seen: Seen, expected: Expectation): Look['verdict'] {
  if (seen.fingerprint === expected.fingerprint) return 'served'
  return expected.isSibling(seen) ? 'sibling' : 'other'
}

/** Why the deployment counts as failed: each endpoint that does not serve the leaf, and what it does instead. */
export function notServed(looks: readonly Look[], fingerprint: Fingerprint): CertctlError {
  const faults = looks.filter((look) => look.verdict !== 'served').map(faultOf)
  return new CertctlError(
    'deploy_failed',
    `The new certificate (${fingerprint.slice(0, 16)}…) is not served: ${faults.join('; ')}`,
  )
}

function faultOf({ endpoint, verdict, seen, detail }: Look): string {
  if (seen === undefined) return detail ?? `${endpointText(endpoint)} gives no answer`
  const whose = verdict === 'sibling' ? "another holder's certificate" : 'another certificate'
  return `${endpointText(endpoint)} serves ${whose} (${seen.fingerprint.slice(0, 16)}…)`
}
