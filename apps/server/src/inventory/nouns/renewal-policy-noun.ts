import { alertChannels } from '@certctl/api'
import { createId } from '../../store/create-id.js'
import type { RenewalPolicyRow } from '../../store/renewal-policies.js'
import type { Tx } from '../../store/store.js'
import { fieldFault } from '../field-fault.js'
import { after, type PlainNoun } from './plain-noun.js'
import { requireReference } from './require-reference.js'

export const renewalPolicyNoun: PlainNoun<RenewalPolicyRow> = {
  resource: 'renewal_policy',
  words: { one: 'renewal policy', many: 'renewal policies' },
  command: 'renewal-policies',
  table: (tables) => tables.renewalPolicies,
  newId: idOfName,
  json: ['alert_thresholds_days', 'alert_channels', 'alert_severity_map'],
  referrers: [{ table: 'certificates', column: 'renewal_policy_id' }],
  wakes: true,
  async check(tx, change) {
    const profileId = after(change, 'certificate_profile_id')
    await requireReference(tx, { field: 'certificate_profile_id', kind: 'profile', id: profileId })
    await requireChannels(tx, change.given.alert_channels)
    return change.given
  },
}

/** Clients of old installations count on it: "Web servers" is `rp-web-servers`. */
function idOfName(name: string, now: Date): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 61)
    .replace(/^-+|-+$/g, '')
  return slug === '' ? createId('rp', now) : `rp-${slug}`
}

/** The known words stand whether or not such a notifier is configured yet; anything else is the id of one. */
async function requireChannels(tx: Tx, channels: unknown): Promise<void> {
  if (typeof channels !== 'object' || channels === null) return
  const known = new Set<string>(alertChannels)
  for (const [tier, names] of Object.entries(channels))
    for (const [index, name] of (names as string[]).entries()) {
      if (known.has(name) || (await tx.connections.get('notifier', name)) !== undefined) continue
      throw fieldFault(
        `alert_channels.${tier}.${index}`,
        `"${name}" is neither one of ${alertChannels.join(', ')} nor the id of a notifier; list those with: certctl notifiers list`,
      )
    }
}
