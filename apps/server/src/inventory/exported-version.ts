import { CertctlError } from '@certctl/core'
import type { Actor } from '../store/audit-entry.js'
import type { Tx } from '../store/store.js'
import type { VersionWithDer } from '../store/versions.js'
import { unknownCertificate } from './get-certificate.js'

export interface WantedExport {
  certificateId: string
  /** Of this holder, or this version; of several holders the one that was received last where neither is given. */
  agentId?: string | undefined
  versionId?: string | undefined
  actor: Actor
}

/** The version to export, with an entry in the record. Throws `not_found`, also where none was issued yet. */
export async function exportedVersion(
  tx: Tx,
  { certificateId, agentId, versionId, actor }: WantedExport,
  { action, details = {} }: { action: string; details?: Readonly<Record<string, unknown>> },
): Promise<{ version: VersionWithDer; name: string }> {
  const certificate = await tx.certificates.get(certificateId)
  if (certificate === undefined) throw unknownCertificate(certificateId)
  const version =
    versionId === undefined
      ? await currentOf(tx, certificateId, agentId)
      : await namedVersion(tx, certificateId, versionId)
  if (version === undefined) {
    const whose = agentId === undefined ? '' : ` for agent ${agentId}`
    throw new CertctlError('not_found', `${certificate.name} is not issued yet${whose}`)
  }
  tx.audit.append({
    actor,
    action,
    resource_type: 'certificate',
    resource_id: certificateId,
    details: { version_id: version.id, fingerprint: version.fingerprint, ...details },
  })
  return { version, name: certificate.name }
}

async function currentOf(
  tx: Tx,
  certificateId: string,
  agentId: string | undefined,
): Promise<VersionWithDer | undefined> {
  const holder = agentId === undefined ? undefined : await tx.holders.findOfAgent(certificateId, agentId)
  const current = await tx.versions.listCurrentWithDer(certificateId)
  const own = agentId === undefined ? current : current.filter((version) => version.holder_id === holder?.id)
  return own.toSorted((one, other) => other.received_at.getTime() - one.received_at.getTime())[0]
}

async function namedVersion(tx: Tx, certificateId: string, versionId: string): Promise<VersionWithDer> {
  const version = await tx.versions.getWithDer(versionId)
  if (version?.certificate_id === certificateId) return version
  throw new CertctlError('not_found', `Certificate ${certificateId} has no version ${versionId}`)
}
