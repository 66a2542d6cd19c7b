import type { CertificateRow } from '../../store/certificates.js'
import type { AskedCsr } from '../csr/validate-csr.js'
import type { KeyCustody, Profile } from '../policy/default-profile.js'
import type { WantedCertificate } from '../policy/require-allowed.js'

/** A certificate's row in the words of the stages that judge requests for it. */
export function askedOf(
  certificate: CertificateRow,
  { profile, custody }: { profile: Profile; custody: KeyCustody | undefined },
): AskedCsr & { wanted: WantedCertificate } {
  const commonName = certificate.common_name ?? undefined
  const { names } = certificate
  return {
    commonName,
    names,
    keyAlgorithm: certificate.key_algorithm,
    allowsOtherKeys: profile.allowsOtherKeys,
    wanted: {
      commonName,
      names,
      subject: certificate.subject,
      extendedKeyUsages: certificate.extended_key_usages,
      mustStaple: certificate.must_staple,
      validitySeconds: certificate.validity_seconds ?? undefined,
      issuerId: certificate.issuer_id,
      keyAlgorithm: certificate.key_algorithm,
      custody,
    },
  }
}
