import { CertctlError, type RevocationOutcome, type RevocationReason, type RevocationRequest, z } from '@certctl/core'
import type { Bench } from './bench.js'
import { readAnswer, wordsOf } from './failure.js'
import { createOneTimeToken, decimalOf } from './one-time-token.js'
import { refusalOf } from './refusal.js'

const what = 'step-ca, revoking'
const revokedSchema = z.object({ status: z.literal('ok') })

/** RFC 5280 §5.3.1. A hold cannot be lifted there, so it is not offered. */
const reasonCodes: Readonly<Partial<Record<RevocationReason, number>>> = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
  aACompromise: 10,
}

/** Passive, the only kind there is: no renewal any more, and an entry on the CRL where that is enabled. Asking again changes nothing. */
export async function revoke(bench: Bench, request: RevocationRequest): Promise<RevocationOutcome> {
  const { certificate, reason, reasonText, signal } = request
  const reasonCode = reasonCodes[reason]
  if (reasonCode === undefined)
    throw new CertctlError(
      'unsupported',
      `step-ca does not revoke for ${reason}, since it cannot take that back; give another reason`,
    )
  const serial = decimalOf(certificate.serialNumber)
  const provisioner = await bench.provisioners.get(signal)
  const ott = await createOneTimeToken(bench, provisioner, { path: '/1.0/revoke', subject: serial })
  const json = { serial, ott, reasonCode, reason: reasonText, passive: true }
  const response = await bench.client({ method: 'POST', path: '/1.0/revoke', json, signal })
  if (response.status === 400 && /already revoked/.test(wordsOf(response))) return { status: 'confirmed' }
  if (response.status === 501)
    throw new CertctlError(
      'unsupported',
      `${what}: this step-ca has no database and revokes nothing; configure db in ca.json`,
    )
  if (response.status === 401 || response.status === 403) throw refusalOf(bench, response, what)
  readAnswer(response, revokedSchema, what)
  return { status: 'confirmed' }
}
