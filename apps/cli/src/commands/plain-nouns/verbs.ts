import type { Verb } from '../../verb.js'
import { createVerb } from './create.js'
import { deleteVerb } from './delete.js'
import { listVerb } from './list.js'
import type { Plain, PlainNoun } from './noun.js'
import { showVerb } from './show.js'
import { updateVerb } from './update.js'

/** The verbs that plain nouns share. */
export function plainVerbs<T extends Plain>(noun: PlainNoun<T>): Verb[] {
  return [listVerb(noun), showVerb(noun), createVerb(noun), updateVerb(noun), deleteVerb(noun)]
}
