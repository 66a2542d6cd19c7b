import type { Certificate } from '@certctl/api'
import { CertctlError } from '@certctl/core'
import { renewCommand } from '../lifecycle/renewal/renew-command.js'
import type { Services } from '../services.js'
import type { ListedCertificate } from '../store/certificate-list.js'
import type { HolderRow } from '../store/holders.js'
import type { Tables } from '../store/tables.js'
import type { VersionRow } from '../store/versions.js'
import { certificateView } from './certificate-view.js'

/** One certificate with its holders and what an operator should know of it; archived ones too. Throws `not_found`. */
export async function getCertificate(
  { store, clock }: Pick<Services, 'clock'> & { store: Tables },
  id: string,
): Promise<Certificate> {
  const now = clock.now()
  const row = await store.certificateList.get(id, now)
  if (row === undefined) throw unknownCertificate(id)
  const found = await store.holders.listOfCertificate(id)
  const current = await store.versions.getMany(found.flatMap((holder) => holder.current_version_id ?? []))
  const versions = new Map(current.map((version) => [version.id, version]))
  const holders = found.map((holder) => withoutPast(holder, versions.get(holder.current_version_id ?? '')))
  const views = holders.map((holder) => holderView(holder, versions.get(holder.current_version_id ?? '')))
  const notices = row.archived_at === null ? await noticesOf(store, { certificate: row, holders, current, now }) : []
  return { ...certificateView(row), holders: views, ...(notices.length === 0 ? {} : { notices }) }
}

export function unknownCertificate(id: string): CertctlError {
  return new CertctlError('not_found', `No certificate "${id}"; list them with: certctl certificates list`)
}

/** What would have decided on its renewal says nothing any more of one that was revoked, or that is not issued again by itself. */
function withoutPast(holder: HolderRow, version: VersionRow | undefined): HolderRow {
  const isOver = (version?.revoked_at ?? null) !== null || holder.blocked_code !== null
  return isOver && holder.renew_at === null ? { ...holder, renew_at_reason: null } : holder
}

type HolderView = NonNullable<Certificate['holders']>[number]

const kinds = { agent: 'agent', outside: 'external', server: 'server' } as const

function holderView(holder: HolderRow, version: VersionRow | undefined): HolderView {
  return {
    id: holder.id,
    kind: kinds[holder.kind],
    ...(holder.agent_id === null ? {} : { agent_id: holder.agent_id }),
    ...(version === undefined
      ? {}
      : {
          version_id: version.id,
          fingerprint_sha256: version.fingerprint,
          not_after: version.not_after.toISOString(),
        }),
    ...renewalOf(holder),
    ...(holder.last_error_code === null
      ? {}
      : { cause: { code: holder.last_error_code, message: holder.last_error ?? '' } }),
    failures: holder.failures,
    ...(holder.next_attempt_at === null ? {} : { next_attempt_at: holder.next_attempt_at.toISOString() }),
  }
}

/** When it is renewed, what decided so, and what its CA said. */
function renewalOf(holder: HolderRow): Partial<HolderView> {
  const { renew_at, renewal_window_start: start, renewal_window_end: end } = holder
  const url = holder.renewal_info_url
  return {
    ...(renew_at === null ? {} : { renew_at: renew_at.toISOString() }),
    ...(holder.renew_at_reason === null ? {} : { renew_at_reason: holder.renew_at_reason }),
    ...(start === null ? {} : { renewal_window_start: start.toISOString() }),
    ...(end === null ? {} : { renewal_window_end: end.toISOString() }),
    ...(url === null ? {} : { renewal_info_url: url }),
  }
}

interface Noticed {
  certificate: ListedCertificate
  holders: readonly HolderRow[]
  current: readonly VersionRow[]
  now: Date
}

async function noticesOf(store: Tables, { certificate, holders, current, now }: Noticed): Promise<string[]> {
  const { id, target_ids: targets } = certificate
  const notices: string[] = []
  if (holders.length === 0)
    notices.push(
      'Nobody holds a key for it yet: add a target, or create it with a CSR; it is issued as soon as it has one',
    )
  for (const { not_before: from } of current)
    if (from.getTime() > now.getTime()) notices.push(`It is not valid before ${from.toISOString()}`)
  if (holders.length > 0 && targets.length === 0 && holders.every(({ kind }) => kind === 'agent'))
    notices.push(
      `It goes to no target, so that it is not renewed; add a target to it with: certctl certificates add-target ${id} TARGET`,
    )
  for (const holder of holders) {
    const { renew_at, current_version_id, renew_at_reason: reason } = holder
    if (renew_at !== null || current_version_id === null || reason === null) continue
    const command = await renewCommand(store, { certificate, holder })
    notices.push(`It is not renewed by itself: ${reason}; renew it with: ${command}`)
  }
  for (const { blocked_code: code, last_error: message } of holders)
    if (code !== null) notices.push(`It is not issued until it is changed or renewed by hand: ${message ?? code}`)
  return notices
}
