import {
  CertctlError,
  type CertificateMaterial,
  type DeploymentReceipt,
  type Fingerprint,
  type GeneralName,
  isCertctlError,
  type TargetConnector,
  type TargetHost,
  type VerificationReport,
} from '@certctl/core'
import { createJournaledFileSystem, repairFiles } from '@certctl/kit'
import type { Agent } from './agent.js'
import { confirmServed, type Look, notServed } from './confirm-served.js'
import { connectTarget } from './connect-target.js'
import { createDeploymentJournal } from './deployment-journal.js'
import { isSibling } from './is-sibling.js'
import { createOwnedFiles } from './owned-files.js'
import { type PreparedTarget, requireAllowed } from './prepare-target.js'
import type { Seen } from './probe.js'

/** One certificate to put to one target. */
export interface Deployment {
  /** Stable over attempts. */
  id: string
  certificateId: string
  target: PreparedTarget
  material: CertificateMaterial
  names: readonly GeneralName[]
  previous: CertificateMaterial | undefined
  /** What this target is known to have held: serving that is not a sibling's doing. */
  ownBefore: readonly Fingerprint[]
  siblings?: readonly Fingerprint[] | undefined
}

export interface Deployed {
  receipt: DeploymentReceipt
  verification: VerificationReport | undefined
}

/**
 * Deploys, proves, reads back. `onLooks` hears of every handshake, also when the deployment fails. Rejects with the target as it was,
 * or with `deploy_torn`, and then the journal still knows what belongs there.
 */
export async function deploy(
  agent: Agent,
  deployment: Deployment,
  { signal, onLooks }: { signal: AbortSignal; onLooks(looks: readonly Look[]): void },
): Promise<Deployed> {
  const { target, certificateId, material, previous } = deployment
  await requireAllowed(agent, target)
  const journal = createDeploymentJournal(agent.state, target.targetId)
  const owned = createOwnedFiles(agent.host.files, agent.installation)
  await repairFiles(owned, journal)
  const files = createJournaledFileSystem(owned, journal)
  const confirmation = await createConfirmation(agent, deployment, onLooks)
  const connector = connectTarget(agent, {
    target,
    files,
    confirmServed: confirmation.confirm,
    privateKeyPems: [material, previous].flatMap((pair) => pair?.privateKeyPem ?? []),
  })
  try {
    const receipt = await settledUnlessTorn(files, () => connector.deploy(requestOf(deployment, signal)))
    const served = confirmation.wasAsked()
      ? receipt.served
      : await confirmation.confirm({ fingerprint: material.fingerprint, signal })
    return {
      receipt: { ...receipt, served },
      verification: await readBack({ connector, target, certificateId, material, signal }),
    }
  } finally {
    await connector.close?.()
  }
}

function requestOf({ id, certificateId, names, material, previous }: Deployment, signal: AbortSignal) {
  return { ...material, id, certificateId, names, previous, signal }
}

/** The record of what was replaced is dropped once the target is as it should be: deployed, or as before. */
async function settledUnlessTorn<T>(files: { settle(): Promise<void> }, action: () => Promise<T>): Promise<T> {
  try {
    const outcome = await action()
    await files.settle()
    return outcome
  } catch (error) {
    if (!isCertctlError(error) || error.code !== 'deploy_torn') await files.settle()
    throw error
  }
}

interface ReadBack {
  connector: TargetConnector
  target: PreparedTarget
  certificateId: string
  material: CertificateMaterial
  signal: AbortSignal
}

async function readBack({
  connector,
  target,
  certificateId,
  material,
  signal,
}: ReadBack): Promise<VerificationReport | undefined> {
  if (target.definition.capabilities.verifies === 'none') return undefined
  const report = await connector.verify({ certificateId, fingerprint: material.fingerprint, signal })
  if (report.matches) return report
  throw new CertctlError(
    'deploy_failed',
    `${report.location} does not hold the new certificate although it was just deployed; something else writes there`,
  )
}

interface Confirmation {
  confirm: TargetHost['confirmServed']
  wasAsked(): boolean
}

async function createConfirmation(
  agent: Agent,
  deployment: Deployment,
  onLooks: (looks: readonly Look[]) => void,
): Promise<Confirmation> {
  const { endpoints, settings } = deployment.target
  const siblingTest = await createSiblingTest(agent, deployment)
  let asked = false
  return {
    wasAsked: () => asked,
    async confirm({ fingerprint, signal }) {
      asked = true
      const expected = { fingerprint, names: deployment.names, isSibling: siblingTest }
      const looking = { net: agent.host, endpoints, settings, expected, now: agent.clock.now, delay: agent.host.delay }
      const { outcome, looks } = await confirmServed(looking, signal)
      onLooks(looks)
      if (outcome === 'not served') throw notServed(looks, fingerprint)
      return outcome
    },
  }
}

async function createSiblingTest(agent: Agent, { material, ownBefore, siblings }: Deployment) {
  const ownKeys = new Set((await agent.keys.list()).map((key) => key.spkiSha256))
  const known = {
    certificatePem: material.certificatePem,
    listed: siblings && new Set(siblings),
    own: new Set(ownBefore),
    holdsKey: (spki: string) => ownKeys.has(spki),
  }
  return (seen: Seen) => isSibling(seen, { ...known, now: agent.clock.now() })
}
