import { randomUUID } from 'node:crypto'
import { open, readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import type { DiscoveryReport } from '@certctl/api'
import { messageOf } from '@certctl/core'
import { type Certificate, decodePem, parseCertificate } from '@certctl/pki'
import type { Agent } from './agent.js'
import type { AgentEnd } from './agent-end.js'
import { reasonOf } from './journal.js'
import { jittered, pause } from './pauses.js'

type Found = NonNullable<DiscoveryReport['certificates']>[number]

/** Searches the configured directories at the start and then again and again. */
export async function scanRepeatedly(agent: Agent, end: AgentEnd): Promise<void> {
  if (agent.config.discoveryDirectories.length === 0) return
  while (!end.signal.aborted) {
    await scanOnce(agent, end.signal).catch((error) => {
      if (!end.signal.aborted) agent.log.warn('the search for certificates was not reported', reasonOf(error))
    })
    await pause(agent, jittered(agent.config.discoverySeconds, agent.random), end)
  }
}

/** Searches and reports, in batches that the server accepts; only the last says that the search is complete. Resolves to a sentence about it. */
export async function scanOnce(agent: Agent, signal: AbortSignal): Promise<string> {
  const began = performance.now()
  const { discoveryDirectories: directories } = agent.config
  const certificates: Found[] = []
  const errors: string[] = []
  for (const directory of directories) await searchDirectory(directory, { certificates, errors, signal })
  const batches = batchesOf(certificates)
  const report = { agent_id: agent.id, directories: [...directories], scan_id: randomUUID() }
  for (const [batch, found] of batches.entries()) {
    const isLast = batch === batches.length - 1
    const body = {
      ...report,
      batch,
      certificates: found,
      errors: isLast ? errors.slice(0, 1000) : [],
      complete: isLast,
      scan_duration_ms: Math.round(performance.now() - began),
    }
    await agent.controlPlane.reportDiscoveries({ params: { id: agent.id }, body, signal })
  }
  agent.log.info('searched for certificates', { directories, found: certificates.length, problems: errors.length })
  return `${certificates.length} certificates in ${directories.length} directories; ${errors.length} could not be read`
}

interface Search {
  certificates: Found[]
  errors: string[]
  signal: AbortSignal
}

/** A thing that cannot be read is a problem and hides nothing else. Links are not followed: they could lead round in circles. */
async function searchDirectory(directory: string, search: Search): Promise<void> {
  search.signal.throwIfAborted()
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) await searchDirectory(path, search)
      else if (entry.isFile() && mayHoldCertificates(entry.name)) await searchFile(path, search)
    }
  } catch (error) {
    if (search.signal.aborted) throw error
    search.errors.push(problemText(directory, error))
  }
}

const certificateEndings = ['.pem', '.crt', '.cer', '.cert', '.der']

/** Keys are never opened, and files without an ending are rarely certificates. */
function mayHoldCertificates(name: string): boolean {
  const ending = extname(name).toLowerCase()
  return ending !== '' && ending !== '.key'
}

const maxBytes = 1024 * 1024

async function searchFile(path: string, { certificates, errors }: Search): Promise<void> {
  try {
    const content = await readSmall(path)
    if (content !== undefined) certificates.push(...foundIn(path, content, errors))
  } catch (error) {
    errors.push(problemText(path, error))
  }
}

async function readSmall(path: string): Promise<Buffer | undefined> {
  const file = await open(path, 'r')
  try {
    return (await file.stat()).size > maxBytes ? undefined : await file.readFile()
  } finally {
    await file.close()
  }
}

function foundIn(path: string, content: Buffer, errors: string[]): Found[] {
  const text = content.toString('latin1')
  const isPem = text.includes('-----BEGIN')
  const ending = extname(path).toLowerCase()
  // Of files that only might hold certificates, those without any are no problem.
  if (!isPem && !certificateEndings.includes(ending)) return []
  const blocks = isPem ? decodePem(text, 'CERTIFICATE') : [content]
  return blocks.flatMap((der) => {
    try {
      return [foundOf(parseCertificate(der), path, isPem ? 'PEM' : 'DER')]
    } catch (error) {
      errors.push(problemText(path, error))
      return []
    }
  })
}

const algorithmNames: Readonly<Record<string, string>> = { EC: 'ECDSA' }

function foundOf(certificate: Certificate, path: string, format: 'PEM' | 'DER'): Found {
  const { algorithm, size } = certificate.publicKey
  return {
    fingerprint_sha256: certificate.fingerprint,
    common_name: (certificate.commonName ?? '').slice(0, 1024),
    sans: certificate.names
      .filter((name) => name.type === 'dns')
      .map((name) => name.value)
      .slice(0, 1000),
    serial_number: certificate.serialNumber.slice(0, 64),
    issuer_dn: certificate.issuerText.slice(0, 4000),
    subject_dn: certificate.subjectText.slice(0, 4000),
    not_before: certificate.notBefore.toISOString(),
    not_after: certificate.notAfter.toISOString(),
    key_algorithm: algorithmNames[algorithm] ?? algorithm,
    key_size: size ?? 0,
    is_ca: certificate.isCa,
    pem_data: certificate.pem,
    source_path: path.slice(0, 4000),
    source_format: format,
  }
}

function problemText(path: string, error: unknown): string {
  return `${path}: ${messageOf(error)}`.slice(0, 1000)
}

const maxBatchBytes = 700_000

/** At least one batch, and none above what a server takes in one body. */
function batchesOf(found: readonly Found[]): Found[][] {
  const batches: Found[][] = [[]]
  let bytes = 0
  for (const certificate of found) {
    const size = JSON.stringify(certificate).length
    if (bytes + size > maxBatchBytes) {
      batches.push([])
      bytes = 0
    }
    batches.at(-1)?.push(certificate)
    bytes += size
  }
  return batches
}
