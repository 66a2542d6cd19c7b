import { CertctlError, type GeneralName, type IssuerCapabilities } from '@certctl/core'
import { formatGeneralName } from '@certctl/pki'

/** Throws `identifier_rejected` for a name this kind of issuer does not certify. */
export function requireOfferedNames(
  names: readonly GeneralName[],
  { type, capabilities }: { type: string; capabilities: IssuerCapabilities },
): void {
  const stranger = names.find((name) => !kindsOf(name).every((kind) => capabilities.names.includes(kind)))
  if (stranger === undefined) return
  throw new CertctlError(
    'identifier_rejected',
    `${type} does not certify ${formatGeneralName(stranger)}; it certifies names of the kinds ${capabilities.names.join(', ')}`,
  )
}

function kindsOf({ type, value }: GeneralName): IssuerCapabilities['names'] {
  return value.startsWith('*.') ? [type, 'wildcard'] : [type]
}
