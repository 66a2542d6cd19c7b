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
}
