import { CertctlError } from '@certctl/core'
import type { Acme } from '../acme.js'
import type { Directory } from '../transport/directory.js'

/** The profile to order, where one is wished; checked, since a wrong one costs an order. Throws `config_invalid` with those there are. */
export async function profileOf(
  { config, transport }: Acme,
  { product }: { product?: string | undefined },
  signal: AbortSignal,
): Promise<string | undefined> {
  const wished = product ?? config.profile
  return wished === undefined ? undefined : requireProfile(await transport.directory(signal), wished)
}

export function requireProfile({ meta }: Directory, wished: string): string {
  const offered = Object.keys(meta?.profiles ?? {})
  if (offered.includes(wished)) return wished
  const known = offered.length === 0 ? 'it offers none; leave the profile out' : `it offers ${offered.join(', ')}`
  throw new CertctlError('config_invalid', `The ACME server has no profile "${wished}": ${known}`)
}
