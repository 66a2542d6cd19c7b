import { personText } from '../../access/person-text.js'
import type { OwnerRow } from '../../store/owners.js'
import type { Tx } from '../../store/store.js'

/**
 * Every way to write this person at this moment: as their key says it first, then the ids, names and e-mail addresses of the owners that
 * means. Two are one person where these overlap. It is kept when somebody asks for something, since owners are changed and removed later.
 */
export async function knownAs(tx: Pick<Tx, 'owners'>, person: string): Promise<string[]> {
  const meant = (await tx.owners.listPeople()).map((owner) => ({ owner, texts: textsOf(owner) }))
  const owners = meant.filter(({ texts }) => texts.includes(person))
  return [...new Set([person, ...owners.flatMap(({ owner, texts }) => [`owner:${owner.id}`, ...texts])])]
}

/** An owner without an address is not meant by an empty one. */
export function textsOf({ id, name, email }: Pick<OwnerRow, 'id' | 'name' | 'email'>): string[] {
  return [id, name, email].map(personText).filter((text) => text !== '')
}
