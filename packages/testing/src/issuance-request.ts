import { randomUUID } from 'node:crypto'
import type { GeneralName, IssuanceRequest, IssuedRef } from '@certctl/core'
import { createCsr, generateKey, parseCertificate } from '@certctl/pki'

export interface RequestOverrides {
  /** As policy approved them. */
  names: readonly GeneralName[]
  /** What the CSR carries, where that differs from what was approved. */
  csrNames?: readonly GeneralName[] | undefined
  firstAskedAt?: Date | undefined
  commonName?: string | undefined
  subject?: IssuanceRequest['subject'] | undefined
  extendedKeyUsages?: readonly string[] | undefined
  keyUsages?: readonly string[] | undefined
  notAfter?: Date | undefined
  mustStaple?: boolean | undefined
  signal?: AbortSignal | undefined
}

/** A first attempt at a certificate for these names, with a CSR under a fresh P-256 key. */
export async function createIssuanceRequest(overrides: RequestOverrides): Promise<IssuanceRequest> {
  const { names, csrNames = names, subject = [], mustStaple = false, commonName = commonNameOf(names) } = overrides
  const extendedKeyUsages = overrides.extendedKeyUsages ?? ['serverAuth']
  const { privateKeyPem } = await generateKey('EC-P256')
  const csrPem = await createCsr({ privateKeyPem, commonName, subject, names: csrNames, extendedKeyUsages, mustStaple })
  return {
    id: randomUUID(),
    attempt: 1,
    firstAskedAt: overrides.firstAskedAt ?? new Date(),
    csrPem,
    commonName,
    names,
    subject,
    extendedKeyUsages,
    keyUsages: overrides.keyUsages,
    notAfter: overrides.notAfter,
    mustStaple,
    siblings: [],
    context: { certificateId: 'test-certificate' },
    signal: overrides.signal ?? new AbortController().signal,
  }
}

function commonNameOf(names: readonly GeneralName[]): string | undefined {
  return names.find(({ type }) => type === 'dns')?.value
}

/** What the lifecycle remembers of an issued certificate. */
export function issuedRefOf(issued: {
  certificatePem: string
  chainPem: string
  vendorRef?: string | undefined
  orderId?: string | undefined
}): IssuedRef {
  const { serialNumber, fingerprint } = parseCertificate(issued.certificatePem)
  return { ...issued, serialNumber, fingerprint }
}
