import { rootCertificates } from 'node:tls'
import { messageOf } from '@certctl/core'
import { type Certificate, checkIssuedBy, parseCertificate } from '@certctl/pki'
import type { Services } from '../services.js'

/** CAs that count as trusted. */
export interface Anchors {
  /** Whether one of them signed this certificate, or is it. */
  signs(certificate: Certificate): boolean
}

/** The CA certificates of the configured issuers. An issuer that does not answer is left out and named in the log. */
export async function knownCas(
  { connections, log }: Pick<Services, 'connections' | 'log'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const pems: string[] = []
  for (const { id, available } of await connections.list('issuer')) {
    if (!available) continue
    try {
      const { connector } = await connections.issuer(id)
      pems.push(...((await connector.caCertificates?.(signal)) ?? []))
    } catch (error) {
      log.warn({ issuer: id, reason: messageOf(error) }, 'the certificates of an issuer could not be asked for')
    }
  }
  return pems
}

/** What browsers trust, and these. */
export function anchorsOf(pems: readonly string[]): Anchors {
  const own = bySubject(pems)
  return {
    signs: (certificate) => [own, publicRoots()].some((known) => isSignedBy(certificate, known)),
  }
}

type BySubject = ReadonlyMap<string, readonly Certificate[]>

function isSignedBy(certificate: Certificate, known: BySubject): boolean {
  const issuers = known.get(keyOf(certificate.issuerDer)) ?? []
  const namesakes = known.get(keyOf(certificate.subjectDer)) ?? []
  return (
    namesakes.some(({ fingerprint }) => fingerprint === certificate.fingerprint) ||
    issuers.some((issuer) => checkIssuedBy(certificate, issuer))
  )
}

function bySubject(pems: readonly string[]): BySubject {
  const known = new Map<string, Certificate[]>()
  for (const pem of pems) {
    const certificate = parseCertificate(pem)
    if (!certificate.isCa) continue
    const key = keyOf(certificate.subjectDer)
    known.set(key, [...(known.get(key) ?? []), certificate])
  }
  return known
}

function keyOf(der: Uint8Array): string {
  return Buffer.from(der).toString('base64')
}

let roots: BySubject | undefined

/** Read once, and only where somebody asks: they never change while a process lives. */
function publicRoots(): BySubject {
  roots ??= bySubject(rootCertificates)
  return roots
}
