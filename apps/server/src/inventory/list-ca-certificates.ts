import { CertctlError } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import { answerInTime } from '../lifecycle/order/answer-in-time.js'
import type { Services } from '../services.js'

const callSeconds = 60

/** The certificates of an issuer's CA, as its connector gives them now. Throws `not_found`, and `unsupported` where it cannot. */
export async function listCaCertificates(services: Services, issuerId: string, signal: AbortSignal) {
  const { connector, name } = await services.connections.issuer(issuerId)
  const { caCertificates } = connector
  if (caCertificates === undefined)
    throw new CertctlError('unsupported', `${name} does not give the certificates of its CA; ask whoever runs it`)
  const ask = async (limited: AbortSignal) => await caCertificates(limited)
  const pems = await answerInTime(ask, { seconds: callSeconds, signal })
  const certificates = pems.map((pem) => {
    const { subjectText, issuerText, fingerprint, notAfter } = parseCertificate(pem)
    const isSelfSigned = subjectText === issuerText
    return {
      pem,
      subject: subjectText,
      fingerprint_sha256: fingerprint,
      not_after: notAfter.toISOString(),
      self_signed: isSelfSigned,
    }
  })
  return { certificates, pem: pems.join('') }
}
