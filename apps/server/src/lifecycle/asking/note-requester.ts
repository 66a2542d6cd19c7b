import { isEnvironmentKey } from '../../access/person-text.js'
import type { Actor } from '../../store/audit-entry.js'
import type { CertificateRow } from '../../store/certificates.js'
import type { Requester } from '../../store/schema.js'
import type { Tx } from '../../store/store.js'
import { knownAs } from './known-as.js'

/** Remembers the person who asked for a certificate as it is now: where two have to agree, that is one of them. The certificate is locked. */
export async function noteRequester(tx: Tx, { id }: Pick<CertificateRow, 'id'>, actor: Actor): Promise<void> {
  if (actor.person === undefined) return
  const before = (await tx.certificates.get(id))?.requested_by_people ?? []
  await tx.certificates.update(id, {
    requested_by_people: JSON.stringify(withRequester(before, { known_as: await knownAs(tx, actor), at: tx.now })),
  })
}

/**
 * Whoever asks again is there once, at the latest moment, under every text they ever had: the list is as long as there are people. Two keys
 * of the environment are two people, though one may have the name by now that the other had when it asked.
 */
export function withRequester(
  before: readonly Requester[],
  { known_as: texts, at }: { known_as: readonly string[]; at: Date },
): Requester[] {
  const isListed = texts.some(isEnvironmentKey)
  const isSame = (one: Requester) => {
    const telling =
      isListed && one.known_as.some(isEnvironmentKey) ? one.known_as.filter(isEnvironmentKey) : one.known_as
    return telling.some((text) => texts.includes(text))
  }
  const known = new Set([...texts, ...before.filter(isSame).flatMap((one) => one.known_as)])
  return [...before.filter((one) => !isSame(one)), { known_as: [...known], at: at.toISOString() }]
}
