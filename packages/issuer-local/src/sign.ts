import { CertctlError, type IssuanceRequest, type IssuerHost } from '@certctl/core'
import {
  buildCertificate,
  type Certificate,
  type Csr,
  checkKeyPolicy,
  checkProofOfPossession,
  type NameAttribute,
  nameConstraintFault,
  parseCertificate,
  parseCsr,
  positiveSerial,
} from '@certctl/pki'
import { backdating, type Ca, checkIsUsable } from './ca.js'
import type { Config } from './config.js'
import { keyUsagesOf } from './usages.js'

const day = 86_400_000

/** Reads the request's CSR and refuses what no CA should certify, whoever asked. */
export function readRequest({ csrPem }: Pick<IssuanceRequest, 'csrPem'>): Csr {
  const csr = parseCsr(csrPem)
  checkKeyPolicy(csr.publicKey)
  checkProofOfPossession(csr)
  return csr
}

/** Signs a certificate for the approved names and the CSR's key. Nothing is remembered here. */
export async function sign(
  ca: Ca,
  host: IssuerHost,
  { config, request, csr }: { config: Config; request: IssuanceRequest; csr: Csr },
): Promise<Certificate> {
  checkIsUsable(ca.certificate, host.now())
  const subject = subjectOf(request)
  const fault =
    ca.certificate.nameConstraints &&
    nameConstraintFault(ca.certificate.nameConstraints, { names: request.names, subject })
  if (fault !== undefined)
    throw new CertctlError('policy_denied', `${ca.certificate.subjectText} cannot certify this: ${fault}`)
  const { notBefore, notAfter } = validityOf(ca, config, { now: host.now(), latest: request.notAfter })
  const der = await buildCertificate({
    serialNumber: positiveSerial(host.random(16)),
    issuer: { privateKey: ca.signer, certificateDer: ca.certificate.der },
    subject,
    names: request.names,
    publicKeySpki: csr.publicKey.spki,
    notBefore,
    notAfter,
    isCa: false,
    keyUsages: keyUsagesOf(request, csr.publicKey.algorithm),
    extendedKeyUsages: request.extendedKeyUsages.length > 0 ? request.extendedKeyUsages : ['serverAuth'],
    mustStaple: request.mustStaple,
  })
  return parseCertificate(der)
}

/** RFC 5280 appendix A.1 ends a common name after 64 characters; a longer one stays a DNS name only. */
function subjectOf({ subject, commonName }: IssuanceRequest): NameAttribute[] {
  const others = subject.filter(({ type }) => type.toUpperCase() !== 'CN')
  return commonName === undefined || [...commonName].length > 64
    ? others
    : [...others, { type: 'CN', value: commonName }]
}

/** Whole seconds; both ends count (RFC 5280 §4.1.2.5), and the backdating is part of the life. */
function validityOf(
  { certificate }: Ca,
  { validity_days }: Config,
  { now, latest }: { now: Date; latest: Date | undefined },
) {
  const notBefore = wholeSeconds(Math.max(now.getTime() - backdating, certificate.notBefore.getTime()))
  const ends = [notBefore.getTime() + validity_days * day - 1000, certificate.notAfter.getTime()]
  const notAfter = wholeSeconds(Math.min(...ends, latest?.getTime() ?? Number.POSITIVE_INFINITY))
  if (notAfter <= now)
    throw new CertctlError(
      'policy_denied',
      `The certificate would have to end at ${notAfter.toISOString()}, which is over already`,
    )
  return { notBefore, notAfter }
}

function wholeSeconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000)
}
