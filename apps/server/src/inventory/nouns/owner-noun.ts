import { CertctlError } from '@certctl/core'
import { personText } from '../../access/person-text.js'
import { textsOf } from '../../lifecycle/asking/known-as.js'
import { createId } from '../../store/create-id.js'
import type { OwnerRow } from '../../store/owners.js'
import { after, type PlainNoun } from './plain-noun.js'
import { requireReference } from './require-reference.js'

export const ownerNoun: PlainNoun<OwnerRow> = {
  resource: 'owner',
  words: { one: 'owner', many: 'owners' },
  command: 'owners',
  table: (tables) => tables.owners,
  newId: (_name, now) => createId('o', now),
  json: [],
  referrers: [{ table: 'certificates', column: 'owner_id' }],
  wakes: false,
  async check(tx, change) {
    await requireReference(tx, { field: 'team_id', kind: 'team', id: after(change, 'team_id') })
    return change.given
  },
  // Else nobody could say any more that two of these keys are one person's.
  async requireRemovable(tx, owner) {
    const texts = textsOf(owner)
    const keys = (await tx.apiKeys.listOwned(tx.now)).filter((key) => texts.includes(personText(key.owner)))
    if (keys.length === 0) return
    throw new CertctlError(
      'conflict',
      `The owner "${owner.id}" answers for the API keys ${keys.map(({ name }) => name).join(', ')}; revoke them first`,
    )
  },
}
