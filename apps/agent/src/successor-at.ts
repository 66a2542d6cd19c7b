import type { CertificateMaterial, FileSystem } from '@certctl/core'
import { type Certificate, parseCertificate, sameNames, splitCertificates } from '@certctl/pki'
import type { Agent } from './agent.js'
import { connectTarget } from './connect-target.js'
import type { PlacementRecord } from './journal.js'
import { readOnly, refuse } from './look-at-placement.js'
import type { PreparedTarget } from './prepare-target.js'

/**
 * A valid certificate of the same names and CA that a target holds and that began after this one: what a journal that was restored from an
 * older backup does not know of. Found in the files that the target is verified by; `undefined` where there is none, or it is in no PEM file.
 */
export async function successorAt(
  agent: Agent,
  target: PreparedTarget,
  { record, material, signal }: { record: PlacementRecord; material: CertificateMaterial; signal: AbortSignal },
): Promise<Certificate | undefined> {
  const found: Certificate[] = []
  const files = overheard(agent.host.files, (content) => void found.push(...certificatesIn(content)))
  const connector = connectTarget(agent, { target, files, confirmServed: refuse })
  try {
    await connector.verify({ certificateId: record.certificate_id, fingerprint: record.fingerprint, signal })
  } finally {
    await connector.close?.()
  }
  const own = parseCertificate(material.certificatePem)
  const now = agent.clock.now()
  return found.find((other) => isSuccessor(other, own) && other.notBefore <= now && now < other.notAfter)
}

function isSuccessor(other: Certificate, own: Certificate): boolean {
  const { missing, extra } = sameNames(own.names, other.names)
  const isSameCa = Buffer.compare(other.issuerDer, own.issuerDer) === 0
  return isSameCa && missing.length === 0 && extra.length === 0 && other.notBefore > own.notBefore
}

function overheard(files: FileSystem, hear: (content: Uint8Array) => void): FileSystem {
  return {
    ...readOnly(files),
    async read(path, options) {
      const content = await files.read(path, options)
      hear(content)
      return content
    },
  }
}

function certificatesIn(content: Uint8Array): Certificate[] {
  try {
    return splitCertificates(Buffer.from(content).toString('latin1')).map((pem) => parseCertificate(pem))
  } catch {
    return [] // Whatever else a target reads.
  }
}
