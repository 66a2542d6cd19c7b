import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { HolderRow } from '../../store/holders.js'
import type { Tx } from '../../store/store.js'
import { planIssuance } from '../order/plan-issuance.js'
import { renewCommand } from '../renewal/renew-command.js'
import { resolveAlert } from '../resolve-alert.js'
import { askedRenewal } from './asked-renewal.js'
import { hurryJob } from './hurry-job.js'

export interface WantedRenewal {
  certificateId: string
  actor: Actor
  /** Where it is being issued already: to hurry. Where it was revoked for good: a new one all the same. */
  force: boolean
}

/**
 * Asks for a new version for every holder, now, whatever was refused before, in the caller's transaction, which has locked no
 * certificate after this one. Throws `not_found`, `request_malformed` for an archived certificate, `already_revoked` for one that was
 * given up by its revocation, and `conflict` where nobody holds a key for it or, unless forced, where a renewal is under way. Returns
 * the jobs.
 */
export async function renewCertificateIn(
  services: Services,
  tx: Tx,
  { certificateId, actor, force }: WantedRenewal,
): Promise<{ jobIds: string[] }> {
  const certificate = await lockLive(tx, certificateId)
  const holders = await tx.holders.listOfCertificate(certificateId)
  if (holders.length === 0)
    throw new CertctlError(
      'conflict',
      `Nobody holds a key for ${certificate.name}; add a target to it or create it with a CSR`,
    )
  if (!force) requireNotGivenUp(certificate, holders)
  const open = await tx.jobs.listOpenOfCertificate(certificateId, 'issue')
  if (open.length > 0 && !force)
    throw new CertctlError(
      'conflict',
      `${certificate.name} is being issued already (job ${open[0]?.id}); force it to hurry`,
    )
  for (const { id } of open) await hurryJob(tx, id)
  for (const holder of holders) await request(tx, holder, actor)
  tx.audit.append({
    actor,
    action: 'certificate.renewal_requested',
    resource_type: 'certificate',
    resource_id: certificateId,
    details: { force },
  })
  const jobIds = await planIssuance(services, tx, { certificate, requestedBy: actor.name, actor })
  if (jobIds.length === 0) throw await nobodyToAsk(tx, certificate, holders)
  return { jobIds }
}

async function nobodyToAsk(tx: Tx, certificate: CertificateRow, holders: readonly HolderRow[]): Promise<CertctlError> {
  const commands = await Promise.all(holders.map(async (holder) => await renewCommand(tx, { certificate, holder })))
  const helpful = [...new Set(commands)].join(' or ')
  return new CertctlError('conflict', `No holder of ${certificate.name} can be asked for a key; use: ${helpful}`)
}

export async function renewCertificate(services: Services, wanted: WantedRenewal): Promise<{ jobIds: string[] }> {
  return await services.store.transaction(async (tx) => await renewCertificateIn(services, tx, wanted))
}

async function lockLive(tx: Tx, certificateId: string): Promise<CertificateRow> {
  const certificate = await tx.certificates.lock(certificateId)
  if (certificate === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
  if (certificate.archived_at === null) return certificate
  throw new CertctlError('request_malformed', `Certificate ${certificate.name} is archived; it is not renewed any more`)
}

/** Only a person who insists makes a new certificate of one that was revoked for good. */
function requireNotGivenUp({ name }: CertificateRow, holders: readonly HolderRow[]): void {
  if (!holders.every((holder) => holder.blocked_code === 'already_revoked')) return
  throw new CertctlError(
    'already_revoked',
    `${name} was revoked and is not renewed any more; force it where a new certificate is wanted all the same`,
  )
}

async function request(tx: Tx, holder: HolderRow, actor: Actor): Promise<void> {
  await tx.holders.update(holder.id, {
    ...(await askedRenewal(tx, holder, actor)),
    next_attempt_at: null,
    blocked_code: null,
    blocked_generation: null,
  })
  await resolveAlert(tx, {
    subject: `csr-needed:${holder.id}`,
    type: 'certificate.renewal_requested',
    title: 'A renewal was requested by hand',
    certificateId: holder.certificate_id,
  })
}
