import type { WorkAnswer } from '@certctl/api'
import type { Services } from '../services.js'

/** All keys an agent still needs, by certificate; a certificate it holds and has no key for yet has an empty list. */
export async function liveKeysOf(services: Services, agentId: string): Promise<NonNullable<WorkAnswer['keys']>> {
  const keys = new Map<string, string[]>()
  for (const { certificate_id, spki_sha256 } of await services.store.versions.listLiveKeys(agentId)) {
    const known = keys.get(certificate_id) ?? []
    keys.set(certificate_id, spki_sha256 === null ? known : [...known, spki_sha256])
  }
  return [...keys].map(([certificate_id, spki_sha256]) => ({ certificate_id, spki_sha256 }))
}
