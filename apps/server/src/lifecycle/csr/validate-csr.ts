import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import {
  type Csr,
  checkKeyPolicy,
  checkProofOfPossession,
  formatGeneralName,
  type PublicKeyInfo,
  parseCsr,
  parseGeneralName,
  sameNames,
} from '@certctl/pki'
import { keyAlgorithmOf } from '../policy/key-algorithm-of.js'
import type { Passed } from '../stage.js'

/** A CSR whose signature holds, whose key is strong and of the kind asked for, and whose names are exactly those asked for. */
export type ValidCsr = Passed<'valid', Csr>

/** What the certificate says its CSR must be. */
export interface AskedCsr {
  commonName: string | undefined
  names: readonly GeneralName[]
  keyAlgorithm: string
  allowsOtherKeys: boolean
}

/** Throws `csr_malformed`, `csr_rejected` or, for a name nobody asked for, `identifier_rejected`; the message names the fault. */
export function validateCsr(csrPem: string, asked: AskedCsr): ValidCsr {
  const csr = parseCsr(csrPem)
  checkKeyPolicy(csr.publicKey)
  checkProofOfPossession(csr)
  checkNames(csr, asked)
  checkAlgorithm(csr.publicKey, asked)
  return csr as ValidCsr
}

function checkNames(csr: Csr, { names, commonName }: AskedCsr): void {
  const { missing, extra } = sameNames(names, namesOf(csr, commonName))
  if (extra.length > 0)
    throw new CertctlError(
      'identifier_rejected',
      `The CSR asks for ${listed(extra)}, which the certificate does not have; ask for ${listed(names)} and nothing else`,
    )
  if (missing.length > 0)
    throw new CertctlError(
      'csr_rejected',
      `The CSR lacks ${listed(missing)}; it must name everything the certificate has: ${listed(names)}`,
    )
}

/** The alternative names, and the common name where it is a name of a host, address or mailbox: relying parties read it as one. */
function namesOf(csr: Csr, askedCommonName: string | undefined): readonly GeneralName[] {
  const { commonName, names } = csr
  if (commonName === undefined || commonName === askedCommonName) return names.length > 0 ? names : nameOf(commonName)
  const [name] = nameOf(commonName)
  if (name === undefined)
    throw new CertctlError(
      'identifier_rejected',
      `The CSR has the common name "${commonName.slice(0, 80)}", which is none of the certificate's names`,
    )
  return [...names, name]
}

function nameOf(commonName: string | undefined): readonly GeneralName[] {
  if (commonName === undefined) return []
  try {
    return [parseGeneralName(commonName)]
  } catch (error) {
    if (isCertctlError(error)) return []
    throw error
  }
}

function checkAlgorithm(key: PublicKeyInfo, { keyAlgorithm, allowsOtherKeys }: AskedCsr): void {
  const found = keyAlgorithmOf(key)
  if (allowsOtherKeys || found === keyAlgorithm) return
  throw new CertctlError('csr_rejected', `The CSR has a key of type ${found}; the certificate asks for ${keyAlgorithm}`)
}

function listed(names: readonly GeneralName[]): string {
  const shown = names.slice(0, 10).map(formatGeneralName)
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ')
}
