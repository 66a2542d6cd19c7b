import { CertctlError } from '@certctl/core'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Tx } from '../../store/store.js'
import type { Profile } from '../policy/default-profile.js'
import { profileOf } from '../policy/profile-of.js'
import { requireAllowed } from '../policy/require-allowed.js'
import { requireRules } from '../policy/require-rules.js'
import { askedOf } from './asked-of.js'
import { noteRequester } from './note-requester.js'

interface JudgedChange {
  before: CertificateRow
  /** As written. */
  after: CertificateRow
  /** Whether it will go to other targets than before. */
  changesTargets: boolean
  actor: Actor
}

/** A changed certificate is judged like a new one, and whoever changed what is issued is one of the two who have to agree. Throws `policy_denied`. */
export async function judgeChange(tx: Tx, { before, after, changesTargets, actor }: JudgedChange): Promise<void> {
  const isOther = after.generation !== before.generation
  const isMoved = after.certificate_profile_id !== before.certificate_profile_id
  if (isOther || isMoved) {
    const profile = await profileOf(tx, after.certificate_profile_id)
    if (isMoved) await requireMayLeave(tx, before, profile)
    requireAllowed(askedOf(after, { profile, custody: undefined }).wanted, profile)
  }
  await requireRules(tx, after)
  if (isOther || isMoved || changesTargets) await noteRequester(tx, after, actor)
}

/** Else one person could take a certificate out of what two have to agree to. */
async function requireMayLeave(
  tx: Tx,
  { name, certificate_profile_id: id }: CertificateRow,
  next: Profile,
): Promise<void> {
  const left = id === null ? undefined : await tx.profiles.get(id)
  if (left?.requires_approval !== true || next.requiresApproval) return
  const message = `${name} is under the profile ${left.id}, which wants a second person's approval; it cannot be put under ${next.id}, which does not`
  throw new CertctlError(
    'policy_denied',
    `${message}. Request another certificate under ${next.id}, or change a profile`,
    {
      errors: [{ field: 'certificate_profile_id', message }],
    },
  )
}
