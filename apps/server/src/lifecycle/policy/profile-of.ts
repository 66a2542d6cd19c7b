import { CertctlError } from '@certctl/core'
import type { ProfileRow } from '../../store/profiles.js'
import type { Tables } from '../../store/tables.js'
import { defaultProfile, type KeyCustody, type Profile } from './default-profile.js'

/** The profile a certificate is under now. Throws `policy_denied` where it names one that is not there: nobody said what it may have. */
export async function profileOf(tables: Pick<Tables, 'profiles'>, profileId: string | null): Promise<Profile> {
  if (profileId === null) return defaultProfile
  const row = await tables.profiles.get(profileId)
  if (row !== undefined) return profileFrom(row)
  throw new CertctlError(
    'policy_denied',
    `There is no profile "${profileId}", so that nothing says what may be issued; make one with this id, or give the certificate another profile`,
    { errors: [{ field: 'certificate_profile_id', message: `there is no profile "${profileId}"` }] },
  )
}

function profileFrom(row: ProfileRow): Profile {
  return {
    id: row.id,
    isEnabled: row.enabled,
    minTtlSeconds: row.min_ttl_seconds ?? undefined,
    maxTtlSeconds: row.max_ttl_seconds ?? undefined,
    allowsShortLived: row.allow_short_lived,
    allowedKeyAlgorithms: row.allowed_key_algorithms,
    allowedExtendedKeyUsages: row.allowed_ekus,
    allowedKeyUsages: row.allowed_key_usages,
    requiredSanPatterns: row.required_san_patterns,
    spiffeUriPattern: row.spiffe_uri_pattern === '' ? undefined : row.spiffe_uri_pattern,
    allowsWildcards: row.allow_wildcards,
    allowsIpAddresses: row.allow_ip_addresses,
    allowsEmailAddresses: row.allow_email_addresses,
    allowedIssuerIds: row.allowed_issuer_ids,
    allowedKeyCustody: row.allowed_key_custody.filter(isCustody),
    forcesMustStaple: row.must_staple,
    requiredCsrAttributes: row.required_csr_attributes,
    allowsOtherKeys: false,
    isDefault: false,
    allowsKeyReuse: row.allow_key_reuse,
    requiresApproval: row.requires_approval,
  }
}

function isCustody(text: string): text is KeyCustody {
  return text === 'agent' || text === 'outside' || text === 'server'
}
