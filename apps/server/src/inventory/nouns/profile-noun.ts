import { messageOf } from '@certctl/core'
import { namePattern } from '../../lifecycle/policy/name-pattern.js'
import { createId } from '../../store/create-id.js'
import type { ProfileRow } from '../../store/profiles.js'
import { fieldFault } from '../field-fault.js'
import { after, type NounChange, type NounFields, type PlainNoun } from './plain-noun.js'
import { requireReferences } from './require-reference.js'

export const profileNoun: PlainNoun<ProfileRow> = {
  resource: 'profile',
  words: { one: 'profile', many: 'profiles' },
  command: 'profiles',
  table: (tables) => tables.profiles,
  newId: (_name, now) => createId('prof', now),
  json: ['allowed_key_algorithms'],
  referrers: [
    { table: 'certificates', column: 'certificate_profile_id' },
    { table: 'renewal_policies', column: 'certificate_profile_id' },
  ],
  wakes: true,
  async changed(tx, id, before) {
    await tx.holders.liftDenials(tx.now, { profileId: id })
    if (before === undefined) return
    const now = await tx.profiles.get(id)
    if (now?.max_ttl_seconds !== before.max_ttl_seconds) await tx.policySweeps.again('CertificateLifetime')
  },
  async check(tx, change) {
    requireOrder(change)
    requirePatterns(change.given)
    await requireReferences(tx, {
      field: 'allowed_issuer_ids',
      kind: 'issuer',
      ids: change.given.allowed_issuer_ids,
      known: change.before?.allowed_issuer_ids,
    })
    return change.given
  },
}

function requireOrder(change: NounChange<ProfileRow>): void {
  const [least, most] = [after(change, 'min_ttl_seconds'), after(change, 'max_ttl_seconds')]
  if (typeof least !== 'number' || typeof most !== 'number' || least <= most) return
  const field = change.given.min_ttl_seconds === undefined ? 'max_ttl_seconds' : 'min_ttl_seconds'
  throw fieldFault(field, `the shortest validity (${least} s) would be longer than the longest (${most} s)`)
}

/** Read now, so that an issuance never meets one that cannot be. */
function requirePatterns({ required_san_patterns: names, spiffe_uri_pattern: spiffe }: NounFields): void {
  const given: [field: string, text: unknown][] = Array.isArray(names)
    ? names.map((text, index) => [`required_san_patterns.${index}`, text])
    : []
  for (const [field, text] of [...given, ['spiffe_uri_pattern', spiffe] as const]) {
    if (typeof text !== 'string' || text === '') continue
    try {
      namePattern(text, { ignoreCase: true })
    } catch (cause) {
      throw fieldFault(field, messageOf(cause), cause)
    }
  }
}
