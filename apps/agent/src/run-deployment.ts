import type { WorkItem } from '@certctl/api'
import { CertctlError, type CertificateMaterial, isCertctlError } from '@certctl/core'
import { timeLimit } from '@certctl/kit'
import { parseCertificate } from '@certctl/pki'
import type { Agent } from './agent.js'
import { askAgain } from './ask-again.js'
import { checkMaterial } from './check-material.js'
import type { Look } from './confirm-served.js'
import { type Deployed, type Deployment, deploy } from './deploy.js'
import { failureOf, type JobResult } from './job-result.js'
import { placementKey, reasonOf } from './journal.js'
import { previousMaterial, rememberPlacement } from './placements.js'
import { type PreparedTarget, prepareTarget, targetOrderOf } from './prepare-target.js'
import { heldOf, servedOf } from './wire-looks.js'

type Order = NonNullable<WorkItem['deployment']>

interface Run {
  item: WorkItem
  order: Order
  target: PreparedTarget
  /** The agent is to stop. */
  signal: AbortSignal
}

/** A deployment job: from the public parts and the key of this host to a target that serves them. Rejects before anything was touched, or `aborted` when the agent stops. */
export async function runDeployment(agent: Agent, item: WorkItem, signal: AbortSignal): Promise<JobResult> {
  if (item.deployment === undefined)
    throw new CertctlError('upstream_protocol', 'The server sent a deployment without saying what to deploy')
  const order = item.deployment
  const target = await prepareTarget(agent, targetOrderOf(item))
  return await agent.lanes(target.lane, () => deployInTime(agent, { item, order, target, signal }))
}

async function deployInTime(agent: Agent, run: Run): Promise<JobResult> {
  const { item, order, target, signal } = run
  const limited = timeLimit(order.time_limit_seconds, signal)
  const material = await fetchMaterial(agent, run, limited)
  const deployment = await deploymentOf(agent, run, material)
  let looks: readonly Look[] = []
  try {
    const deployed = await deploy(agent, deployment, { signal: limited, onLooks: (seen) => (looks = seen) })
    await rememberPlacement(agent, { item, order, target, material, names: deployment.names, deployed })
    return { ...doneOf(deployed), served: servedOf(looks, material.chainPem) }
  } catch (error) {
    if (signal.aborted && isCertctlError(error) && error.code === 'aborted') throw error
    const failure = failureOf(limited.aborted && !signal.aborted ? outOfTime(error, order) : error)
    const { code } = failure
    agent.log.warn('a deployment failed', { job_id: item.id, target_id: target.targetId, code, ...reasonOf(error) })
    return { ...failure, served: servedOf(looks, material.chainPem) }
  }
}

/** What ended it was our own limit: to the server that is a failed deployment, which is tried again. */
function outOfTime(error: unknown, { time_limit_seconds }: Order): unknown {
  if (!isCertctlError(error) || error.code !== 'aborted') return error
  return new CertctlError('deploy_failed', `It did not end within ${time_limit_seconds} s. ${error.message}`, {
    cause: error,
  })
}

async function fetchMaterial(agent: Agent, { item, order }: Run, signal: AbortSignal): Promise<CertificateMaterial> {
  const { fingerprint, spki_sha256 } = order
  const certificateId = item.certificate_id
  const privateKeyPem = await agent.keys.find({ certificateId, spkiSha256: spki_sha256 })
  if (privateKeyPem === undefined)
    throw new CertctlError(
      'not_found',
      `The key of certificate ${certificateId} (SPKI ${spki_sha256.slice(0, 16)}…) is not on this host; renew the certificate to make a new one`,
    )
  const body = await publicPart(agent, { certificateId, fingerprint, signal })
  const offered = { leafPem: body.leaf_pem, chainPem: body.chain_pem, fingerprint, privateKeyPem }
  return checkMaterial(offered, agent.clock.now())
}

interface Wanted {
  certificateId: string
  fingerprint: string
  signal: AbortSignal
}

/** That the server does not give it out (a revoked one, say) must not look like a key that is missing here. */
async function publicPart(agent: Agent, { certificateId, fingerprint, signal }: Wanted) {
  const call = { params: { id: agent.id, cert_id: certificateId }, query: { fingerprint }, signal }
  try {
    return (await askAgain(agent, () => agent.controlPlane.getAgentCertificate(call), signal)).body
  } catch (cause) {
    if (!isCertctlError(cause) || cause.code !== 'not_found') throw cause
    throw new CertctlError(
      'deploy_failed',
      `The server does not give out certificate ${fingerprint}: ${cause.message}`,
      { cause },
    )
  }
}

async function deploymentOf(
  agent: Agent,
  { item, order, target }: Run,
  material: CertificateMaterial,
): Promise<Deployment> {
  const { certificate_id, previous_fingerprint } = item
  const last = await agent.journal.placements.get(placementKey({ target_id: target.targetId, certificate_id }))
  const before = [previous_fingerprint, last?.fingerprint, last?.previous?.fingerprint]
  return {
    id: order.id,
    certificateId: certificate_id,
    target,
    material,
    names: item.names ?? parseCertificate(material.certificatePem).names,
    siblings: item.sibling_fingerprints,
    previous: await previousMaterial(agent, last, material.fingerprint),
    ownBefore: before.flatMap((one) => (one === undefined || one === material.fingerprint ? [] : [one])),
  }
}

function doneOf({ receipt, verification }: Deployed): JobResult {
  const { changed, served, location, effective, metadata } = receipt
  return {
    outcome: 'done',
    receipt: {
      changed,
      served,
      location: location.slice(0, 1000),
      effective,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    },
    ...(verification === undefined ? {} : { verification: heldOf(verification) }),
  }
}
