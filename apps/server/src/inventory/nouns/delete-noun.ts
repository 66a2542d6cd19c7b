import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { NounRow } from '../../store/noun-table.js'
import type { Referrers, ReferringColumn } from '../../store/referrers.js'
import type { Tx } from '../../store/store.js'
import { record } from './create-noun.js'
import { type NounTraits, type PlainNoun, unknownNoun } from './plain-noun.js'

/** Removes one. Refused with the list of what refers to it (`conflict`). */
export async function deleteNoun<Row extends NounRow>(
  { store }: Pick<Services, 'store'>,
  noun: PlainNoun<Row>,
  { id, actor }: { id: string; actor: Actor },
): Promise<void> {
  await store.transaction(async (tx) => {
    // Waits for whoever has just found it and is about to refer to it; the next one finds it gone.
    const row = await noun.table(tx).lockToRemove(id)
    if (row === undefined) throw unknownNoun(noun, id)
    await requireUnused(tx, noun, id)
    await noun.requireRemovable?.(tx, row)
    await noun.table(tx).remove(id)
    await noun.changed?.(tx, id)
    await record(tx, noun, { id, action: 'deleted', actor, details: { name: row.name } })
  })
}

const wordsOf: Readonly<Record<ReferringColumn['table'], string>> = {
  certificates: 'certificates',
  owners: 'owners',
  renewal_policies: 'renewal policies',
}

async function requireUnused(tx: Tx, noun: NounTraits, id: string): Promise<void> {
  const found: { noun: string; by: Referrers }[] = []
  for (const column of noun.referrers)
    found.push({ noun: wordsOf[column.table], by: await tx.referrers.of(column, id) })
  const used = found.filter(({ by }) => by.count > 0)
  if (used.length === 0) return
  const errors = used.map(({ noun: field, by }) => ({ field, message: `${by.count}: ${listed(by)}` }))
  const list = errors.map(({ field, message }) => `${field} (${message})`).join(' and ')
  throw new CertctlError(
    'conflict',
    `The ${noun.words.one} "${id}" is in use by ${list}; give them another, or none, first`,
    { errors },
  )
}

function listed({ count, ids }: Referrers): string {
  return `${ids.join(', ')}${count > ids.length ? ', …' : ''}`
}
