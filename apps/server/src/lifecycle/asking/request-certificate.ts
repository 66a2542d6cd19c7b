import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import { type Csr, parseCsr, parseGeneralName, sameGeneralName } from '@certctl/pki'
import { defaultIssuer } from '../../inventory/default-issuer.js'
import { fieldFault } from '../../inventory/field-fault.js'
import { emitEvent } from '../../notify/emit-event.js'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import { createId } from '../../store/create-id.js'
import type { Tx } from '../../store/store.js'
import { judgeCsr } from '../csr/judge-csr.js'
import { planIssuance } from '../order/plan-issuance.js'
import { addPlacement } from '../placement/add-placement.js'
import { planPlacements } from '../placement/plan-placements.js'
import type { KeyCustody, Profile } from '../policy/default-profile.js'
import { keyAlgorithmOf } from '../policy/key-algorithm-of.js'
import { profileOf } from '../policy/profile-of.js'
import { requireAllowed } from '../policy/require-allowed.js'
import { requireRules } from '../policy/require-rules.js'
import { usualKeyAlgorithm } from '../policy/usual-key-algorithm.js'
import { askedOf } from './asked-of.js'
import { certificateNamesOf } from './certificate-names-of.js'
import { noteRequester } from './note-requester.js'
import { requireFreeCertificateName } from './require-free-certificate-name.js'
import { requireNamed } from './require-named.js'
import { requireOfferedNames } from './require-offered-names.js'

/** A request in our words, from whichever edge it came. */
export interface CertificateRequest {
  actor: Actor
  id?: string | undefined
  name?: string | undefined
  commonName?: string | undefined
  sans: readonly string[]
  issuerId?: string | undefined
  keyAlgorithm?: string | undefined
  extendedKeyUsages?: readonly string[] | undefined
  mustStaple?: boolean | undefined
  validitySeconds?: number | undefined
  environment?: string | undefined
  ownerId?: string | undefined
  teamId?: string | undefined
  renewalPolicyId?: string | undefined
  certificateProfileId?: string | undefined
  tags?: Readonly<Record<string, string>> | undefined
  targetIds: readonly string[]
  /** For a key that somebody outside holds. */
  csrPem?: string | undefined
  source?: string | undefined
}

/**
 * Where every certificate begins. In one transaction it writes the certificate, where it goes, who holds its keys and their jobs:
 *
 * 1. its names, its issuer, and, where a CSR came with it, `validate-csr` and `apply-policy`;
 * 2. `add-placement`, `plan-placements`: a holder for every agent that has a target of it;
 * 3. `plan-issuance`: a job per holder. An agent answers its own with a CSR (`accept-csr`, the same two judgements);
 * 4. a worker takes the order from there (`fulfil-order`): `issue`, `check-issued`, `record-version`;
 * 5. and what is recorded is deployed: `claim-work`, `settle-deployment`, `observe-placement`.
 *
 * A certificate with neither CSR nor target waits for one, and says so.
 */
export async function requestCertificate(
  services: Services,
  request: CertificateRequest,
): Promise<{ id: string; jobIds: string[] }> {
  const csr = request.csrPem === undefined ? undefined : parseCsr(request.csrPem)
  const issuerId = request.issuerId ?? (await defaultIssuer(services))
  const names = namesOf(request, csr)
  await checkIssuer(services, issuerId, names)
  return await services.store.transaction(async (tx) => {
    const { teamId, profileId } = await requireNamed(tx, request)
    const profile = await profileOf(tx, profileId ?? null)
    const certificate = await insertCertificate(tx, {
      request: { ...request, teamId: teamId ?? undefined, certificateProfileId: profileId ?? undefined },
      csr,
      issuerId,
      names,
      profile,
    })
    for (const custody of custodiesOf(request))
      requireAllowed(askedOf(certificate, { profile, custody }).wanted, profile)
    await requireRules(tx, certificate)
    if (request.csrPem !== undefined) await insertOutsideHolder(tx, certificate, request.csrPem)
    for (const [index, targetId] of [...new Set(request.targetIds)].entries())
      await addPlacement(tx, { certificate, targetId, field: `target_ids.${index}` })
    await planPlacements(tx, { certificate, requestedBy: request.actor.name })
    const { actor } = request
    const jobIds = await planIssuance(services, tx, { certificate, requestedBy: actor.name, actor })
    await tell(tx, certificate, request)
    return { id: certificate.id, jobIds }
  })
}

/** What was asked for; where nothing was, what the CSR asks for. */
function namesOf({ commonName, sans }: CertificateRequest, csr: Csr | undefined): readonly GeneralName[] {
  const names = certificateNamesOf({ commonName, sans })
  if (names.length > 0) return names
  const asked =
    csr === undefined || csr.names.length > 0
      ? csr?.names
      : certificateNamesOf({ commonName: csr.commonName, sans: [] })
  if (asked === undefined || asked.length === 0)
    throw fieldFault('common_name', 'must be given, or at least one entry of sans, or a CSR that has a name')
  return asked
}

/** Throws a fault of `issuer_id`, and for names that this CA does not certify. */
export async function checkIssuer(services: Services, issuerId: string, names: readonly GeneralName[]): Promise<void> {
  const connection = await services.store.connections.get('issuer', issuerId)
  if (connection === undefined)
    throw fieldFault('issuer_id', `there is no issuer "${issuerId}"; list them with: certctl issuers list`)
  const registered = services.registry.find('issuer', connection.type)
  if (registered !== undefined) requireOfferedNames(names, registered.definition)
}

interface NewCertificate {
  request: CertificateRequest
  csr: Csr | undefined
  issuerId: string
  names: readonly GeneralName[]
  profile: Profile
}

/** The certificate with its names, locked. Throws `conflict` where its id or name is taken. */
export async function insertCertificate(
  tx: Tx,
  { request, csr, issuerId, names, profile }: NewCertificate,
): Promise<CertificateRow> {
  const commonName = commonNameOf(request.commonName, csr, names)
  const name = request.name ?? names[0]?.value ?? ''
  const id = request.id ?? createId('cert', tx.now)
  if ((await tx.certificates.get(id)) !== undefined)
    throw new CertctlError('conflict', `There is, or was, a certificate "${id}"; choose another id`)
  await requireFreeCertificateName(tx, name)
  await tx.certificates.insert({
    id,
    name,
    common_name: commonName ?? null,
    names: JSON.stringify(names),
    subject: '[]',
    key_algorithm:
      request.keyAlgorithm ?? (csr === undefined ? usualKeyAlgorithm(profile) : keyAlgorithmOf(csr.publicKey)),
    extended_key_usages: [...(request.extendedKeyUsages ?? usualUsages(profile))],
    must_staple: request.mustStaple ?? false,
    validity_seconds: request.validitySeconds ?? null,
    issuer_id: issuerId,
    environment: request.environment ?? '',
    owner_id: request.ownerId ?? null,
    team_id: request.teamId ?? null,
    renewal_policy_id: request.renewalPolicyId ?? null,
    certificate_profile_id: request.certificateProfileId ?? null,
    tags: JSON.stringify(request.tags ?? {}),
    source: request.source ?? 'api',
    created_at: tx.now,
    updated_at: tx.now,
  })
  await tx.certificateNames.replaceAll(id, names)
  await noteRequester(tx, { id }, request.actor)
  const row = await tx.certificates.lock(id)
  if (row === undefined) throw new CertctlError('internal', `Certificate ${id} vanished while it was written`)
  return row
}

/** Who is to hold keys of it, as far as the request says. */
function custodiesOf({ csrPem, targetIds }: CertificateRequest): (KeyCustody | undefined)[] {
  const custodies: KeyCustody[] = []
  if (csrPem !== undefined) custodies.push('outside')
  if (targetIds.length > 0) custodies.push('agent')
  return custodies.length > 0 ? custodies : [undefined]
}

/** What most certificates are for, or what the profile has instead. */
function usualUsages({ allowedExtendedKeyUsages: allowed }: Profile): readonly string[] {
  return allowed.includes('serverAuth') ? ['serverAuth'] : allowed.slice(0, 1)
}

// RFC 5280 Appendix A.1: a common name has at most 64 characters, so that a longer name is an alternative name only.
const longestCommonName = 64

function commonNameOf(
  asked: string | undefined,
  csr: Csr | undefined,
  names: readonly GeneralName[],
): string | undefined {
  if (asked !== undefined && asked !== '') return names[0]?.value
  if (csr !== undefined) return soundCommonName(csr.commonName, names)
  const first = names.find(({ type }) => type === 'dns')?.value
  return first !== undefined && first.length <= longestCommonName ? first : undefined
}

/** A common name that is a host, address or mailbox must be one of the names: else it would be certified without being asked for. */
function soundCommonName(commonName: string | undefined, names: readonly GeneralName[]): string | undefined {
  if (commonName === undefined) return undefined
  try {
    const name = parseGeneralName(commonName)
    return names.some((other) => sameGeneralName(name, other)) ? commonName : undefined
  } catch (error) {
    if (isCertctlError(error)) return commonName
    throw error
  }
}

async function insertOutsideHolder(tx: Tx, certificate: CertificateRow, csrPem: string): Promise<void> {
  const { csr } = await judgeCsr(tx, { certificate, csrPem, custody: 'outside', now: tx.now })
  await tx.holders.insert({
    id: createId('holder', tx.now),
    certificate_id: certificate.id,
    kind: 'outside',
    csr_pem: csr.pem,
    created_at: tx.now,
  })
}

async function tell(
  tx: Tx,
  certificate: CertificateRow,
  { actor, targetIds, csrPem }: CertificateRequest,
): Promise<void> {
  tx.audit.append({
    actor,
    action: 'certificate.created',
    resource_type: 'certificate',
    resource_id: certificate.id,
    details: {
      name: certificate.name,
      names: certificate.names.map(({ type, value }) => `${type}:${value}`),
      issuer_id: certificate.issuer_id,
      target_ids: targetIds,
      with_csr: csrPem !== undefined,
    },
  })
  const waits = targetIds.length === 0 && csrPem === undefined
  await emitEvent(tx, {
    type: 'certificate.created',
    severity: 'info',
    title: waits
      ? `${certificate.name} was created; it is issued once it has a target or a CSR`
      : `${certificate.name} was created`,
    certificateId: certificate.id,
    issuerId: certificate.issuer_id,
  })
}
