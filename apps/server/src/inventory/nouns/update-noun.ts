import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import type { NounRow } from '../../store/noun-table.js'
import { record, refuseTwins, requireFree, written } from './create-noun.js'
import { columnsOf, type NounFields, type PlainNoun, unknownNoun } from './plain-noun.js'

export interface NounChanges<Row> {
  id: string
  name?: string | undefined
  fields: NounFields
  actor: Actor
  /** Looks at the locked row before anything is written. */
  match: (row: Row) => void
}

/** Changes what is given; the rest stays, and null brings back the default. */
export async function updateNoun<Row extends NounRow>(
  { store }: Pick<Services, 'store'>,
  noun: PlainNoun<Row>,
  { id, name, fields, actor, match }: NounChanges<Row>,
): Promise<Row> {
  return await refuseTwins(
    noun,
    name ?? '',
    async () =>
      await store.transaction(async (tx) => {
        const before = await noun.table(tx).lock(id)
        if (before === undefined) throw unknownNoun(noun, id)
        match(before)
        if (name !== undefined && name.toLowerCase() !== before.name.toLowerCase())
          await requireFree(tx, noun, { name })
        const checked = await noun.check(tx, { before, given: fields })
        const renamed = name === undefined ? {} : { name }
        await noun.table(tx).updateFields(id, { ...columnsOf(noun, checked), ...renamed, updated_at: tx.now })
        await noun.changed?.(tx, id, before)
        await record(tx, noun, { id, action: 'updated', actor, details: { ...renamed, ...checked } })
        return await written(tx, noun, id)
      }),
  )
}
