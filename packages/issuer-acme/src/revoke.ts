import {
  CertctlError,
  type IssuedRef,
  type RevocationOutcome,
  type RevocationReason,
  type RevocationRequest,
} from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import { type Account, accountOf, openAccount } from './account/open-account.js'
import { listAccounts } from './account/record.js'
import { settleRollover } from './account/rollover.js'
import type { Acme } from './acme.js'
import { errorOf, type Problem } from './transport/problem.js'
import { requireRunning } from './transport/transport.js'

/** RFC 5280 §5.3.1; the reasons that public CAs take from subscribers. */
export const reasonCodes = {
  unspecified: 0,
  keyCompromise: 1,
  superseded: 4,
  cessationOfOperation: 5,
} as const satisfies Partial<Record<RevocationReason, number>>

/** RFC 8555 §7.6: by the account that ordered; where the CA does not let it, by one that has proven the names. */
export async function revoke(acme: Acme, request: RevocationRequest): Promise<RevocationOutcome> {
  requireRunning(request.signal)
  const { revokeCert } = await acme.transport.directory(request.signal)
  if (revokeCert === undefined)
    throw new CertctlError('unsupported', 'The ACME server offers no revocation; revoke where its CA is run')
  const payload = payloadOf(request)
  let refusal: Problem | undefined
  for await (const account of accountsFor(acme, request.certificate, request.signal)) {
    const { problem } = await account.signer.ask(revokeCert, payload)
    if (problem === undefined || problem.type === 'alreadyRevoked') return { status: 'confirmed' }
    if (!isNotTheirs(problem)) throw errorOf(problem, 'revocation')
    refusal = problem
  }
  throw errorOf(refusal ?? noAccount, 'revocation')
}

const noAccount: Problem = {
  type: 'unauthorized',
  detail: 'no account here has ordered this certificate',
  status: 403,
  retryAfterSeconds: undefined,
  helpUrl: undefined,
}

function isNotTheirs({ type, status }: Problem): boolean {
  return type === 'unauthorized' || type === 'accountDoesNotExist' || (type === '' && status === 404)
}

function payloadOf({ certificate, reason }: RevocationRequest): { certificate: string; reason?: number } {
  const der = Buffer.from(parseCertificate(certificate.certificatePem).der).toString('base64url')
  const codes: Readonly<Partial<Record<RevocationReason, number>>> = reasonCodes
  const code = codes[reason]
  if (code === undefined)
    throw new CertctlError(
      'unsupported',
      `ACME servers take the reasons ${Object.keys(reasonCodes).join(', ')}, not ${reason}`,
    )
  return code === 0 ? { certificate: der } : { certificate: der, reason: code }
}

/** The one that ordered first, which must not wait for what the configured one needs; then the configured one, then the others of this directory. */
async function* accountsFor(acme: Acme, { vendorRef }: IssuedRef, signal: AbortSignal): AsyncGenerator<Account> {
  const known = await listAccounts(acme)
  const ordered = known.find(({ record }) => record.url === vendorRef)
  if (ordered !== undefined) yield await accountOf(acme, await settleRollover(acme, ordered, signal), signal)
  const configured = await openAccount(acme, signal)
  if (configured.url !== vendorRef) yield configured
  const others = known.filter(({ record }) => record.url !== vendorRef && record.url !== configured.url)
  for (const stored of others) yield await accountOf(acme, stored, signal)
}
