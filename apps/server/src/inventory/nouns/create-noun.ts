import { CertctlError } from '@certctl/core'
import type { Services } from '../../services.js'
import type { Actor } from '../../store/audit-entry.js'
import { violatedUnique } from '../../store/database-error.js'
import type { NounRow } from '../../store/noun-table.js'
import type { Tx } from '../../store/store.js'
import { columnsOf, type NounFields, type NounTraits, type PlainNoun } from './plain-noun.js'

export interface NewNoun {
  id?: string | undefined
  name: string
  fields: NounFields
  actor: Actor
}

/** Adds one. Throws `conflict` where the id or the name is taken, also by somebody who is adding it at the same time. */
export async function createNoun<Row extends NounRow>(
  { store }: Pick<Services, 'store'>,
  noun: PlainNoun<Row>,
  { id, name, fields, actor }: NewNoun,
): Promise<Row> {
  return await refuseTwins(
    noun,
    name,
    async () =>
      await store.transaction(async (tx) => {
        const made = id ?? noun.newId(name, tx.now)
        await requireFree(tx, noun, { id: made, name })
        const checked = await noun.check(tx, { before: undefined, given: fields })
        const columns = columnsOf(noun, checked)
        await noun.table(tx).insertFields({ ...columns, id: made, name, created_at: tx.now, updated_at: tx.now })
        await noun.changed?.(tx, made)
        await record(tx, noun, { id: made, action: 'created', actor, details: { name, ...checked } })
        return await written(tx, noun, made)
      }),
  )
}

/** Throws `conflict` where the id or the name is taken. */
export async function requireFree<Row extends NounRow>(
  tx: Tx,
  noun: PlainNoun<Row>,
  { id, name }: { id?: string | undefined; name?: string | undefined },
): Promise<void> {
  if (id !== undefined && (await noun.table(tx).get(id)) !== undefined)
    throw new CertctlError('conflict', `There is already a ${noun.words.one} with the id "${id}"; choose another`)
  const namesake = name === undefined ? undefined : await noun.table(tx).findByName(name)
  if (namesake !== undefined) throw namesakeOf(noun, name ?? '', namesake.id)
}

function namesakeOf({ words }: NounTraits, name: string, id?: string): CertctlError {
  const which = id === undefined ? '' : ` (${id})`
  return new CertctlError('conflict', `There is already a ${words.one} named "${name}"${which}; choose another name`)
}

/** Two that come at once both find the name free; the index lets one of them in. */
export async function refuseTwins<T>(noun: NounTraits, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const index = violatedUnique(error)
    if (index === undefined) throw error
    if (index.endsWith('_name')) throw namesakeOf(noun, name)
    throw new CertctlError('conflict', `There is already a ${noun.words.one} with this id; choose another`, {
      cause: error,
    })
  }
}

/** The entry of a change, and the word to those who go by it. */
export async function record(
  tx: Tx,
  { resource, wakes }: NounTraits,
  { id, action, actor, details }: { id: string; action: string; actor: Actor; details: NounFields },
): Promise<void> {
  tx.audit.append({ actor, action: `${resource}.${action}`, resource_type: resource, resource_id: id, details })
  if (wakes) tx.wake('settings', `${resource} ${id}`)
}

export async function written<Row extends NounRow>(tx: Tx, noun: PlainNoun<Row>, id: string): Promise<Row> {
  const row = await noun.table(tx).get(id)
  if (row === undefined) throw new CertctlError('internal', `The ${noun.words.one} ${id} vanished while it was written`)
  return row
}
