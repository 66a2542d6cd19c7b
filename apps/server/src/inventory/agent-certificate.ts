import { CertctlError } from '@certctl/core'
import { encodePem } from '@certctl/pki'
import type { Services } from '../services.js'
import type { VersionWithDer } from '../store/versions.js'

export interface AgentCertificate {
  certificate_pem: string
  leaf_pem: string
  chain_pem: string
  fingerprint: string
  not_after: string
}

/**
 * The public part of a certificate whose key this agent holds: its current version, or the one of this fingerprint. Throws `not_found`
 * for what is not the agent's, and `conflict` for a version that is revoked.
 */
export async function agentCertificate(
  services: Services,
  wanted: { agentId: string; certificateId: string; fingerprint?: string | undefined },
): Promise<AgentCertificate> {
  const version = await versionOf(services, wanted)
  if (version.revoked_at !== null)
    throw new CertctlError(
      'conflict',
      `The certificate with serial number ${version.serial_number} is revoked; it is not deployed any more`,
    )
  if (wanted.fingerprint === undefined)
    await services.store.jobs.noteOffered(wanted.agentId, wanted.certificateId, version.fingerprint)
  const leaf = encodePem('CERTIFICATE', version.der)
  return {
    certificate_pem: `${leaf}\n${version.chain_pem}`,
    leaf_pem: leaf,
    chain_pem: version.chain_pem,
    fingerprint: version.fingerprint,
    not_after: version.not_after.toISOString(),
  }
}

async function versionOf(
  { store }: Services,
  { agentId, certificateId, fingerprint }: { agentId: string; certificateId: string; fingerprint?: string | undefined },
): Promise<VersionWithDer> {
  const holder = await store.holders.findOfAgent(certificateId, agentId)
  const named = fingerprint === undefined ? undefined : await store.versions.findByFingerprint(fingerprint)
  const id = fingerprint === undefined ? holder?.current_version_id : named?.id
  const version = id === undefined || id === null ? undefined : await store.versions.getWithDer(id)
  if (version !== undefined && version.holder_id === holder?.id && version.standing !== 'lost') return version
  throw new CertctlError('not_found', `There is no such certificate of ${certificateId} for this agent`)
}
