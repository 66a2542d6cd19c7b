import { CertctlError } from '@certctl/core'
import { formatGeneralName, parseCsr, sameNames } from '@certctl/pki'
import { type Config, writesDns } from '../config.js'
import { identifierOf } from './order.js'
import type { PlacedRequest } from './place.js'

/** What the CA would refuse is refused before it costs an order. */
export function checkRequest(config: Config, { names, csrPem }: PlacedRequest): { spkiSha256: string } {
  const identifiers = names.map(identifierOf)
  const [wildcard] = identifiers.filter(({ value }) => value.startsWith('*.'))
  if (wildcard !== undefined && !writesDns(config))
    throw new CertctlError(
      'identifier_rejected',
      `${wildcard.value} can be proven by DNS only; set dns_provider, or dns_present_script and dns_cleanup_script`,
    )
  const csr = parseCsr(csrPem)
  // RFC 8555 §7.4: exactly the identifiers of the order, in the alternative names or the common name.
  const { missing, extra } = sameNames(names, csr.names)
  const fault = [
    ...missing.map((name) => `lacks ${formatGeneralName(name)}`),
    ...extra.map((name) => `asks for ${formatGeneralName(name)} as well`),
  ]
  if (fault.length > 0) throw new CertctlError('csr_rejected', `The CSR does not fit the order: it ${fault.join(', ')}`)
  const common = csr.commonName?.toLowerCase()
  if (common !== undefined && !names.some(({ value }) => value === common))
    throw new CertctlError(
      'csr_rejected',
      `The common name ${common} of the CSR is not among the names of the order; leave it out`,
    )
  return { spkiSha256: csr.publicKey.spkiSha256 }
}
