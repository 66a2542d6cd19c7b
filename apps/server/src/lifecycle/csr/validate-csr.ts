import { CertctlError, type GeneralName, isCertctlError } from '@certctl/core'
import {
  type Csr,
  checkKeyPolicy,
  checkProofOfPossession,
  formatGeneralName,
  type NameAttribute,
  type PublicKeyInfo,
  parseCsr,
  parseGeneralName,
  sameNames,
} from '@certctl/pki'
import { isNamed } from '../asking/is-named.js'
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
  checkSubject(csr, asked)
  checkNames(csr, asked)
  checkAlgorithm(csr.publicKey, asked)
  return csr as ValidCsr
}

/** Relying parties read every common name, wherever in the subject, and a CA that takes subjects over certifies all. The rest is for the profile. */
function checkSubject({ subject }: Csr, { names, commonName }: AskedCsr): void {
  const stranger = subject.find(({ type, value }) => type === 'CN' && value !== commonName && !isNamed(value, names))
  if (stranger === undefined) return
  throw new CertctlError(
    'identifier_rejected',
    `The CSR's subject has CN=${stranger.value.slice(0, 80)}, which is none of the certificate's names; make a CSR without it, or ask for it as a name`,
  )
}

function checkNames(csr: Csr, { names, commonName }: AskedCsr): void {
  const { missing, extra } = sameNames(names, namesOf(csr, { names, commonName }))
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

/** The alternative names, and what the subject names beside them, or instead of them. */
function namesOf({ subject, names }: Csr, asked: Pick<AskedCsr, 'names' | 'commonName'>): readonly GeneralName[] {
  const isMore = ({ type, value }: NameAttribute) =>
    type === 'CN'
      ? names.length === 0 || value !== asked.commonName
      : type === 'emailAddress' && isNamed(value, asked.names)
  return [...names, ...subject.filter(isMore).flatMap(({ value }) => nameOf(value))]
}

function nameOf(value: string): readonly GeneralName[] {
  try {
    return [parseGeneralName(value)]
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
