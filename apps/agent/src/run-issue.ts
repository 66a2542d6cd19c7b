import type { WorkItem } from '@certctl/api'
import { CertctlError, type ErrorCode, isCertctlError } from '@certctl/core'
import { createCsr, type KeyAlgorithm, keyAlgorithms, parseGeneralName } from '@certctl/pki'
import type { Agent } from './agent.js'
import { askAgain } from './ask-again.js'
import { type CsrRecord, reasonOf } from './journal.js'

/** The server has judged this CSR; the same again would be judged the same, so the next offer gets another. */
const rejections: readonly ErrorCode[] = ['csr_malformed', 'csr_rejected', 'identifier_rejected', 'policy_denied']

/** Answers a job that waits for a CSR: with a key made for it, and with exactly the names it asks for. The same job again gets the same CSR again. */
export async function runIssue(
  agent: Agent,
  item: WorkItem,
  { lease, signal }: { lease: string; signal: AbortSignal },
): Promise<void> {
  const record = await csrFor(agent, item)
  const fields = { job_id: item.id, certificate_id: item.certificate_id }
  try {
    const call = { params: { id: agent.id, job_id: item.id }, body: { csr_pem: record.csr_pem, lease }, signal }
    const { body } = await askAgain(agent, () => agent.controlPlane.submitJobCsr(call), signal)
    agent.log.info('CSR handed in', { ...fields, status: body.status, spki_sha256: record.spki_sha256 })
  } catch (error) {
    if (isCertctlError(error) && rejections.includes(error.code)) await agent.journal.csrs.drop(item.id)
    agent.log.warn('the CSR was not taken', { ...fields, ...reasonOf(error) })
  }
}

async function csrFor(agent: Agent, item: WorkItem): Promise<CsrRecord> {
  const asked = JSON.stringify(questionOf(item))
  const made = await agent.journal.csrs.get(item.id)
  if (made?.asked === asked && (await keyIsThere(agent, made))) return made
  const record = await makeCsr(agent, item, asked)
  await agent.journal.csrs.put(item.id, record)
  return record
}

async function keyIsThere(agent: Agent, { certificate_id, spki_sha256 }: CsrRecord): Promise<boolean> {
  return (await agent.keys.find({ certificateId: certificate_id, spkiSha256: spki_sha256 })) !== undefined
}

function questionOf({ common_name, sans, names, key, extended_key_usages, must_staple }: WorkItem) {
  return {
    commonName: common_name === '' ? undefined : common_name,
    names: names ?? (sans ?? []).map((name) => parseGeneralName(name)),
    algorithm: algorithmOf(key ?? 'EC-P256'),
    extendedKeyUsages: extended_key_usages ?? [],
    mustStaple: must_staple ?? false,
  }
}

function algorithmOf(key: string): KeyAlgorithm {
  const known = keyAlgorithms.find((algorithm) => algorithm === key)
  if (known === undefined)
    throw new CertctlError('unsupported', `This agent makes no ${key} keys; it makes ${keyAlgorithms.join(', ')}`)
  return known
}

async function makeCsr(agent: Agent, item: WorkItem, asked: string): Promise<CsrRecord> {
  const { algorithm, ...question } = questionOf(item)
  const { privateKeyPem, spkiSha256 } = await agent.keys.make(item.certificate_id, algorithm)
  const csr_pem = await createCsr({ ...question, privateKeyPem: privateKeyPem.reveal() })
  agent.log.info('key made', { certificate_id: item.certificate_id, algorithm, spki_sha256: spkiSha256 })
  return {
    job_id: item.id,
    certificate_id: item.certificate_id,
    spki_sha256: spkiSha256,
    csr_pem,
    asked,
    made_at: agent.clock.now().toISOString(),
  }
}
