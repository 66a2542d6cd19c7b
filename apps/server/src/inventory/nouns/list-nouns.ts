import type { Services } from '../../services.js'
import type { NounRow } from '../../store/noun-table.js'
import type { Page, PageRequest } from '../../store/page.js'
import { type PlainNoun, unknownNoun } from './plain-noun.js'

export async function listNouns<Row extends NounRow>(
  { store }: Pick<Services, 'store'>,
  noun: PlainNoun<Row>,
  request: PageRequest,
): Promise<Page<Row>> {
  return await noun.table(store).page(request)
}

export async function getNoun<Row extends NounRow>(
  { store }: Pick<Services, 'store'>,
  noun: PlainNoun<Row>,
  id: string,
): Promise<Row> {
  const row = await noun.table(store).get(id)
  if (row === undefined) throw unknownNoun(noun, id)
  return row
}
