import type { Services } from '../services.js'
import { fieldFault } from './field-fault.js'

/** The issuer of a certificate that names none: the only enabled one, else `iss-local`. Throws `request_malformed` where that leaves a choice. */
export async function defaultIssuer({ store }: Pick<Services, 'store'>): Promise<string> {
  const enabled = (await store.connections.list('issuer')).filter((issuer) => issuer.enabled).map(({ id }) => id)
  const [only] = enabled
  if (enabled.length === 1 && only !== undefined) return only
  if (enabled.includes('iss-local')) return 'iss-local'
  const choice = enabled.length === 0 ? 'there is none; add or enable one' : `choose one of ${enabled.join(', ')}`
  throw fieldFault('issuer_id', `must be given: ${choice}`)
}
