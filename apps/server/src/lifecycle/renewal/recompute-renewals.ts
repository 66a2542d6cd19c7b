import type { Services } from '../../services.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { RenewalPolicyRow } from '../../store/renewal-policies.js'
import type { Tx } from '../../store/store.js'
import { movedRenewal } from './renewal-of.js'
import { defaultPolicyId, renewalPolicyOf } from './renewal-policy-of.js'

const batchSize = 100

/** Certificates follow a policy that was changed: their renewal times are computed anew, in batches. Begins again where it was interrupted before its end. */
export async function recomputeRenewals(
  services: Services,
  { policy, signal }: { policy: RenewalPolicyRow; signal: AbortSignal },
): Promise<void> {
  const { store } = services
  const which = { policyId: policy.id, orNone: policy.id === defaultPolicyId }
  for (let after: string | undefined = ''; after !== undefined; ) {
    if (signal.aborted) return
    const batch: string[] = await store.certificates.listOfPolicy(which, { after, limit: batchSize })
    await store.transaction(async (tx) => {
      for (const id of batch) {
        const certificate = await tx.certificates.lock(id)
        if (certificate !== undefined) await recomputeRenewal(services, tx, certificate)
      }
    })
    after = batch.length < batchSize ? undefined : batch.at(-1)
  }
  await store.policySweeps.again('RenewalLeadTime')
  await store.renewalPolicies.update(policy.id, { applied_at: policy.updated_at })
}

/** After its policy is another one, or was changed. The certificate is locked. */
export async function recomputeRenewal(
  services: Pick<Services, 'config'>,
  tx: Tx,
  certificate: CertificateRow,
): Promise<void> {
  const policy = await renewalPolicyOf(tx, certificate)
  const pastSpreadSeconds = services.config.renewal_spread
  for (const { id, current_version_id } of await tx.holders.listOfCertificate(certificate.id)) {
    const version = current_version_id === null ? undefined : await tx.versions.get(current_version_id)
    const holder = await tx.holders.lock(id)
    if (version === undefined || holder === undefined) continue
    await tx.holders.update(id, movedRenewal({ version, policy, holder, now: tx.now, pastSpreadSeconds }))
  }
}
