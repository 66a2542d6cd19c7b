import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import { renewalPolicyOf } from '../renewal/renewal-policy-of.js'
import type { Rule, RuleSubject } from './evaluate-rules.js'
import { lifeToAsk } from './life-to-ask.js'
import { longestLife } from './longest-life.js'
import { ttlSeconds } from './ttl-seconds.js'

/** A certificate as rules see it, with what its holders serve now; `enabled` are all there are, whoever judges. */
export async function ruleSubjectOf(
  tx: Tx,
  certificate: CertificateRow,
  enabled: readonly Rule[],
): Promise<RuleSubject> {
  const { certificate_profile_id: profileId } = certificate
  const profile = profileId === null ? undefined : await tx.profiles.get(profileId)
  const policy = await renewalPolicyOf(tx, certificate)
  return {
    issuerId: certificate.issuer_id,
    profileId: profileId ?? undefined,
    commonName: certificate.common_name ?? undefined,
    names: certificate.names,
    environment: certificate.environment,
    ownerId: certificate.owner_id ?? undefined,
    teamId: certificate.team_id ?? undefined,
    tags: certificate.tags,
    wantedSeconds: wantedOf(certificate, profile?.max_ttl_seconds ?? undefined, enabled),
    renewalWindowDays: policy.windowDays,
    serving: await servingOf(tx, certificate.id),
  }
}

/** What a profile would allow is asked for as far as enforced rules do; what somebody asked for is judged as it is. */
function wantedOf(
  { validity_seconds: wanted }: CertificateRow,
  maxTtlSeconds: number | undefined,
  enabled: readonly Rule[],
): number | undefined {
  if (wanted !== null) return ttlSeconds(wanted, { maxTtlSeconds })
  return lifeToAsk(undefined, { profile: { maxTtlSeconds }, mostSeconds: longestLife(enabled) }).seconds
}

async function servingOf(tx: Tx, certificateId: string): Promise<RuleSubject['serving']> {
  const holders = await tx.holders.listOfCertificate(certificateId)
  const versions = await tx.versions.getMany(holders.flatMap((holder) => holder.current_version_id ?? []))
  return versions.map((version) => ({
    notBefore: version.not_before,
    notAfter: version.not_after,
    renewAt: holders.find((holder) => holder.current_version_id === version.id)?.renew_at ?? undefined,
  }))
}
