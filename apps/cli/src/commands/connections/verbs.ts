import type { Verb } from '../../verb.js'
import { createVerb } from './create.js'
import { deleteVerb } from './delete.js'
import { listVerb } from './list.js'
import type { Connection, ConnectionNoun } from './noun.js'
import { showVerb } from './show.js'
import { testVerb } from './test.js'
import { updateVerb } from './update.js'

/** The verbs that issuers, targets, notifiers and DNS providers share. */
export function connectionVerbs<T extends Connection>(noun: ConnectionNoun<T>): Verb[] {
  return [listVerb(noun), showVerb(noun), createVerb(noun), updateVerb(noun), deleteVerb(noun), testVerb(noun)]
}
