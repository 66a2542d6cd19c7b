import { createHash } from 'node:crypto'
import { formatGeneralName, type NameAttribute, parseCsr } from '@certctl/pki'
import type { Config } from '../../connectors/marked-schema.js'
import { targetTypeOf } from '../../inventory/target-type.js'
import type { ApprovalRow } from '../../store/approvals.js'
import { canonicalJson } from '../../store/canonical-json.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { ConnectionRow } from '../../store/connections.js'
import type { HolderRow } from '../../store/holders.js'
import type { OrderRow } from '../../store/orders.js'
import type { Tx } from '../../store/store.js'
import type { TargetRow } from '../../store/targets.js'
import { keyAlgorithmOf } from '../policy/key-algorithm-of.js'
import { lifeToAsk } from '../policy/life-to-ask.js'
import { longestLife } from '../policy/longest-life.js'
import { profileOf } from '../policy/profile-of.js'
import { commandsOfTarget } from './commands-of-target.js'

/** A target that the certificate will be put on, and what runs there then. */
export interface ShownTarget {
  id: string
  name: string
  type: string
  agent_id: string
  generation: number
  commands: readonly string[]
  last_reload_at?: string | undefined
}

/** What happens when somebody agrees, in the spelling of the wire. */
export interface Shown {
  certificate_name: string
  common_name?: string | undefined
  names: readonly string[]
  subject: readonly { type: string; value: string }[]
  extended_key_usages: readonly string[]
  must_staple: boolean
  validity_seconds?: number | undefined
  environment: string
  generation: number
  issuer_id: string
  issuer_name: string
  issuer_type: string
  /** Absent where a version asked that did not bind it. */
  issuer_config_sha256?: string | undefined
  key_algorithm: string
  spki_sha256: string
  key_custody: string
  agent_id?: string | undefined
  renewal: boolean
  replaces_fingerprint?: string | undefined
  replaces_not_after?: string | undefined
  targets: readonly ShownTarget[]
}

export interface ShownRows {
  certificate: CertificateRow
  holder: HolderRow
  order: OrderRow
}

export interface Asked {
  shown: Shown
  bound: string
  /** How often its issuer was changed. */
  issuerGeneration: number | undefined
}

/**
 * What a decision about this order is about, and the hash that it holds for: with another key, name, issuer, target or command it is
 * another decision. So it is with other settings of the issuer, must-staple or another validity, which are no part of that hash: older
 * versions compare it as a whole.
 */
export async function shownOf(tx: Tx, rows: ShownRows): Promise<Asked> {
  const { certificate, holder, order } = rows
  const csr = parseCsr(order.csr_pem)
  const issuer = await tx.connections.get('issuer', order.issuer_id)
  const serving = holder.current_version_id === null ? undefined : await tx.versions.get(holder.current_version_id)
  const shown: Shown = {
    ...certificatePart(certificate),
    ...(await askedByProfile(tx, certificate)),
    subject: [...certificate.subject, ...besideNames(csr.subject)],
    issuer_id: order.issuer_id,
    issuer_name: issuer?.name ?? order.issuer_id,
    issuer_type: issuer?.type ?? '',
    issuer_config_sha256: issuer === undefined ? undefined : settingsHash(issuer),
    key_algorithm: keyAlgorithmOf(csr.publicKey),
    spki_sha256: order.spki_sha256,
    key_custody: holder.kind,
    agent_id: holder.agent_id ?? undefined,
    renewal: serving !== undefined,
    replaces_fingerprint: serving?.fingerprint,
    replaces_not_after: serving?.not_after.toISOString(),
    targets: await targetsOf(tx, rows),
  }
  return { shown, bound: boundOf(rows, shown), issuerGeneration: issuer?.generation }
}

/** Whether a decision about what was asked then is one about what is asked now. */
export function isSame(then: Pick<ApprovalRow, 'bound' | 'shown'>, now: Asked): boolean {
  const { issuer_config_sha256: settings, must_staple, validity_seconds } = then.shown as Partial<Shown>
  if (then.bound !== now.bound) return false
  if (settings === undefined) return true
  const { shown } = now
  const isAskedAlike = must_staple === shown.must_staple && validity_seconds === shown.validity_seconds
  return isAskedAlike && settings === shown.issuer_config_sha256
}

/** What the CA is asked for is not what the certificate says alone. */
async function askedByProfile(tx: Tx, certificate: CertificateRow) {
  const profile = await profileOf(tx, certificate.certificate_profile_id)
  const mostSeconds = longestLife(await tx.policyRules.listEnabled())
  return {
    must_staple: certificate.must_staple || profile.forcesMustStaple,
    validity_seconds: lifeToAsk(certificate.validity_seconds ?? undefined, { profile, mostSeconds }).seconds,
  }
}

/** Credentials may be renewed without its becoming another CA; of what is sealed as a whole nobody can tell, so that each change counts. */
function settingsHash({ type, config, secrets, generation }: ConnectionRow): string {
  const isSealedWhole = secrets !== null && Object.keys(config).length === 0
  return sha256({ type, config, ...(isSealedWhole ? { generation } : {}) })
}

/** What the CSR says that a CA may take over; its names are those of the certificate. */
function besideNames(subject: readonly NameAttribute[]): NameAttribute[] {
  return subject.filter(({ type }) => type !== 'CN')
}

function certificatePart(certificate: CertificateRow) {
  return {
    certificate_name: certificate.name,
    common_name: certificate.common_name ?? undefined,
    names: certificate.names.map(formatGeneralName),
    subject: certificate.subject,
    extended_key_usages: certificate.extended_key_usages,
    must_staple: certificate.must_staple,
    validity_seconds: certificate.validity_seconds ?? undefined,
    environment: certificate.environment,
    generation: certificate.generation,
  }
}

/** Where this holder's certificate will go: what another agent has is another holder's matter. */
async function targetsOf(tx: Tx, { certificate, holder }: ShownRows): Promise<ShownTarget[]> {
  if (holder.kind !== 'agent') return []
  const placements = await tx.placements.listOfCertificate(certificate.id)
  const own = placements.filter(({ agent_id }) => agent_id === holder.agent_id).map(({ target_id }) => target_id)
  const rows = await tx.targets.getMany([...own].sort())
  const shown: ShownTarget[] = []
  for (const row of rows.toSorted((one, other) => (one.id < other.id ? -1 : 1))) shown.push(await targetOf(tx, row))
  return shown
}

async function targetOf(tx: Tx, row: TargetRow): Promise<ShownTarget> {
  const type = await targetTypeOf(tx, { agentId: row.agent_id, type: row.type })
  const times = (await tx.placements.listOfTarget(row.id)).flatMap(({ deployed_at }) => deployed_at?.getTime() ?? [])
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    agent_id: row.agent_id,
    generation: row.generation,
    commands: commandsOfTarget(type?.schema, row.config as Config),
    ...(times.length === 0 ? {} : { last_reload_at: new Date(Math.max(...times)).toISOString() }),
  }
}

/** Names of things may change, and times pass, without its becoming another request. */
function boundOf({ certificate, holder, order }: ShownRows, { key_algorithm, targets }: Shown): string {
  const { environment: _, certificate_name: __, ...asked } = certificatePart(certificate)
  const places = targets.map(({ id, generation, commands, agent_id }) => ({ id, generation, commands, agent_id }))
  const bound = {
    ...asked,
    certificate_id: certificate.id,
    profile_id: certificate.certificate_profile_id,
    issuer_id: order.issuer_id,
    spki_sha256: order.spki_sha256,
    key_algorithm,
    holder_id: holder.id,
    places,
  }
  return sha256(bound)
}

function sha256(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex')
}
