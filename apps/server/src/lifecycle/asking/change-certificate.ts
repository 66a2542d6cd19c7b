import { isDeepStrictEqual } from 'node:util'
import { CertctlError } from '@certctl/core'
import { sameNames } from '@certctl/pki'
import { fieldFault } from '../../inventory/field-fault.js'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import { closeOrder } from '../order/close-order.js'
import { planIssuance } from '../order/plan-issuance.js'
import { addPlacement } from '../placement/add-placement.js'
import { planPlacements } from '../placement/plan-placements.js'
import { removePlacement } from '../placement/remove-placement.js'
import { tellAddedTarget } from '../placement/tell-added-target.js'
import { recomputeRenewal } from '../renewal/recompute-renewals.js'
import { askedRenewal } from './asked-renewal.js'
import { certificateNamesOf } from './certificate-names-of.js'
import { judgeChange } from './judge-change.js'
import { requireFreeCertificateName } from './require-free-certificate-name.js'
import { requireNamed } from './require-named.js'
import { requireOfferedNames } from './require-offered-names.js'

/** What is given is changed, what is absent stays, null clears. */
export interface CertificateChanges {
  certificateId: string
  actor: Actor
  /** Asked with the locked row, before anything is written. */
  check(tx: Tx, certificate: CertificateRow): Promise<void>
  name?: string | undefined
  commonName?: string | null | undefined
  sans?: readonly string[] | null | undefined
  issuerId?: string | undefined
  keyAlgorithm?: string | null | undefined
  environment?: string | null | undefined
  ownerId?: string | null | undefined
  teamId?: string | null | undefined
  renewalPolicyId?: string | null | undefined
  certificateProfileId?: string | null | undefined
  tags?: Readonly<Record<string, string>> | null | undefined
  /** The whole set. */
  targetIds?: readonly string[] | undefined
}

type Merged = Pick<CertificateRow, 'common_name' | 'names' | 'issuer_id' | 'key_algorithm'>

/** Changes a certificate. Where what is issued would differ, its generation counts up: orders of the older one are abandoned and every holder gets a new issuance. */
export async function changeCertificateIn(services: Services, tx: Tx, changes: CertificateChanges): Promise<void> {
  const { certificateId, actor } = changes
  const before = await tx.certificates.lock(certificateId)
  if (before === undefined) throw new CertctlError('not_found', `There is no certificate ${certificateId}`)
  if (before.archived_at !== null)
    throw new CertctlError('request_malformed', `Certificate ${before.name} is archived; it cannot be changed any more`)
  await changes.check(tx, before)
  const { teamId } = await requireNamed(tx, changes, before)
  const merged = await mergedOf(services, tx, { before, changes })
  const isOther = !isDeepStrictEqual(merged, issuanceOf(before))
  const generation = before.generation + (isOther ? 1 : 0)
  await write(tx, { before, changes: { ...changes, teamId }, merged, generation })
  const certificate = (await tx.certificates.get(certificateId)) ?? before
  await judgeChange(tx, { before, after: certificate, changesTargets: await changesTargets(tx, changes), actor })
  if (certificate.renewal_policy_id !== before.renewal_policy_id) await recomputeRenewal(services, tx, certificate)
  if (isOther) await startOver(tx, certificate, actor)
  if (!isDeepStrictEqual(judgedOf(certificate), judgedOf(before)))
    await tx.holders.liftDenials(tx.now, { certificateId: certificate.id })
  if (changes.targetIds !== undefined) await setTargets(tx, certificate, { targetIds: changes.targetIds, actor })
  await planPlacements(tx, { certificate, requestedBy: actor.name })
  await planIssuance(services, tx, { certificate, requestedBy: actor.name, actor })
}

export async function changeCertificate(services: Services, changes: CertificateChanges): Promise<void> {
  await services.store.transaction(async (tx) => await changeCertificateIn(services, tx, changes))
}

function issuanceOf({ common_name, names, issuer_id, key_algorithm }: CertificateRow): Merged {
  return { common_name, names, issuer_id, key_algorithm }
}

/** What rules and profiles judge besides what is issued. */
function judgedOf(certificate: CertificateRow) {
  const { environment, owner_id, team_id, renewal_policy_id, certificate_profile_id, tags } = certificate
  return { environment, owner_id, team_id, renewal_policy_id, certificate_profile_id, tags }
}

async function mergedOf(
  services: Services,
  tx: Tx,
  { before, changes }: { before: CertificateRow; changes: CertificateChanges },
): Promise<Merged> {
  const { commonName, sans, issuerId = before.issuer_id, keyAlgorithm } = changes
  const named = {
    ...issuanceOf(before),
    ...(commonName === undefined && sans === undefined ? {} : renamed(before, changes)),
  }
  const connection = await tx.connections.get('issuer', issuerId)
  if (connection === undefined) throw fieldFault('issuer_id', `there is no issuer "${issuerId}"`)
  const registered = services.registry.find('issuer', connection.type)
  if (registered !== undefined) requireOfferedNames(named.names, registered.definition)
  const key = keyAlgorithm === undefined ? before.key_algorithm : (keyAlgorithm ?? 'EC-P256')
  return { ...named, issuer_id: issuerId, key_algorithm: key }
}

/** The common name is one of the names, so that a new one takes the place of the old one among them. */
function renamed(
  before: CertificateRow,
  { commonName, sans }: CertificateChanges,
): Pick<CertificateRow, 'common_name' | 'names'> {
  const kept = before.names.filter(({ value }) => commonName === undefined || value !== before.common_name)
  const texts = sans === undefined ? kept.map(({ type, value }) => `${type}:${value}`) : (sans ?? [])
  const asked = commonName === undefined ? (before.common_name ?? undefined) : (commonName ?? undefined)
  const names = certificateNamesOf({ commonName: asked, sans: texts })
  if (names.length === 0) throw fieldFault('sans', 'must have at least one name where there is no common name')
  const { missing, extra } = sameNames(before.names, names)
  const isSameSet = missing.length === 0 && extra.length === 0
  return {
    common_name: asked === undefined || asked === '' ? null : (names[0]?.value ?? null),
    names: isSameSet ? before.names : names,
  }
}

async function write(
  tx: Tx,
  {
    before,
    changes,
    merged,
    generation,
  }: { before: CertificateRow; changes: CertificateChanges; merged: Merged; generation: number },
): Promise<void> {
  const { name, environment, ownerId, teamId, renewalPolicyId, certificateProfileId, tags, actor } = changes
  if (name !== undefined) await requireFreeCertificateName(tx, name, before.id)
  await tx.certificates.update(before.id, {
    ...merged,
    names: JSON.stringify(merged.names),
    generation,
    ...(name === undefined ? {} : { name }),
    ...(environment === undefined ? {} : { environment: environment ?? '' }),
    ...(ownerId === undefined ? {} : { owner_id: ownerId }),
    ...(teamId === undefined ? {} : { team_id: teamId }),
    ...(renewalPolicyId === undefined ? {} : { renewal_policy_id: renewalPolicyId }),
    ...(certificateProfileId === undefined ? {} : { certificate_profile_id: certificateProfileId }),
    ...(tags === undefined ? {} : { tags: JSON.stringify(tags ?? {}) }),
    updated_at: tx.now,
  })
  await tx.certificateNames.replaceAll(before.id, merged.names)
  const { check: _, actor: __, certificateId: ___, ...given } = changes
  tx.audit.append({
    actor,
    action: 'certificate.changed',
    resource_type: 'certificate',
    resource_id: before.id,
    details: { ...given, generation },
  })
}

async function startOver(tx: Tx, certificate: CertificateRow, actor: Actor): Promise<void> {
  for (const holder of await tx.holders.listOfCertificate(certificate.id)) {
    const order = await tx.orders.lockOpenOfHolder(holder.id)
    if (order !== undefined) await closeOrder(tx, order, { state: 'abandoned', reason: 'the certificate was changed' })
    await tx.jobs.cancel(
      { column: 'holder_id', value: holder.id },
      { at: tx.now, reason: 'The certificate was changed', kinds: ['issue'] },
    )
    await tx.holders.update(holder.id, {
      ...(holder.current_version_id === null ? {} : await askedRenewal(tx, holder, actor)),
      // A stored CSR has the old names.
      ...(holder.kind === 'outside' ? { csr_pem: null } : {}),
      next_attempt_at: null,
    })
  }
}

async function setTargets(
  tx: Tx,
  certificate: CertificateRow,
  { targetIds, actor }: { targetIds: readonly string[]; actor: Actor },
): Promise<void> {
  const live = await tx.placements.listOfCertificate(certificate.id)
  for (const placement of live)
    if (!targetIds.includes(placement.target_id)) await removePlacement(tx, { placement, actor })
  const known = new Set(live.map(({ target_id }) => target_id))
  for (const [index, targetId] of [...new Set(targetIds)].entries())
    if (!known.has(targetId)) {
      await addPlacement(tx, { certificate, targetId, field: `target_ids.${index}` })
      await tellAddedTarget(tx, { certificate, targetId, actor })
    }
}

/** Clients that send all they know send the targets as they are. */
async function changesTargets(tx: Tx, { certificateId, targetIds }: CertificateChanges): Promise<boolean> {
  if (targetIds === undefined) return false
  const known = (await tx.placements.listOfCertificate(certificateId)).map(({ target_id }) => target_id)
  return !isDeepStrictEqual(new Set(known), new Set(targetIds))
}
