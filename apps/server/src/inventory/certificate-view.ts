import type { Certificate } from '@certctl/api'
import { formatGeneralName } from '@certctl/pki'
import type { ListedCertificate } from '../store/certificate-list.js'

/** A certificate on its own, without its holders. Lists have the same text from the database (its function `certificate_item`). Times and what else does not exist are absent. */
export function certificateView(row: ListedCertificate): Certificate {
  return {
    id: row.id,
    name: row.name,
    common_name: row.common_name,
    sans: row.names.map(formatGeneralName),
    environment: row.environment,
    owner_id: row.owner_id ?? '',
    team_id: row.team_id ?? '',
    issuer_id: row.issuer_id,
    target_ids: row.target_ids,
    renewal_policy_id: row.renewal_policy_id ?? '',
    ...given('certificate_profile_id', row.certificate_profile_id),
    status: row.status,
    ...time('expires_at', row.expires_at instanceof Date ? row.expires_at : null),
    tags: { ...row.tags },
    ...time('last_renewal_at', row.last_renewal_at),
    ...time('last_deployment_at', row.last_deployment_at),
    ...(row.status === 'Revoked' ? time('revoked_at', row.revoked_at) : {}),
    ...(row.status === 'Revoked' ? given('revocation_reason', row.revocation_reason) : {}),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    source: row.source,
    ...given('serial_number', row.serial_number),
    ...given('fingerprint_sha256', row.fingerprint),
    key_algorithm: row.key_algorithm,
    ...time('renew_at', row.renew_at),
    generation: row.generation,
  }
}

function given<K extends string>(name: K, value: string | null): { [Key in K]?: string } {
  return value === null ? {} : ({ [name]: value } as { [Key in K]?: string })
}

function time<K extends string>(name: K, value: Date | null): { [Key in K]?: string } {
  return given(name, value === null ? null : value.toISOString())
}
