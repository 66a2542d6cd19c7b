import { keyAsPerson, personText } from '../../access/person-text.js'
import type { Actor } from '../../store/audit-entry.js'
import type { OwnerRow } from '../../store/owners.js'
import type { Tx } from '../../store/store.js'

/**
 * Every way to write whoever acts at this moment: as their key says it first, then the ids, names and e-mail addresses of the owners that
 * means, and the key itself, since one of the environment is called otherwise as soon as its list is. Two are one person where these
 * overlap. It is kept when somebody asks for something, since owners are changed and removed later. Who is no person is known as nobody.
 */
export async function knownAs(tx: Pick<Tx, 'owners'>, { id, person }: Pick<Actor, 'id' | 'person'>): Promise<string[]> {
  if (person === undefined) return []
  const meant = (await tx.owners.listPeople()).map((owner) => ({ owner, texts: textsOf(owner) }))
  const owners = meant.filter(({ texts }) => texts.includes(person))
  const owned = owners.flatMap(({ owner, texts }) => [`owner:${owner.id}`, ...texts])
  return [...new Set([person, ...owned, keyAsPerson(id)])]
}

/** An owner without an address is not meant by an empty one. */
export function textsOf({ id, name, email }: Pick<OwnerRow, 'id' | 'name' | 'email'>): string[] {
  return [id, name, email].map(personText).filter((text) => text !== '')
}
