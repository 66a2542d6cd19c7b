import { createHash } from 'node:crypto'
import { CertctlError, z } from '@certctl/core'
import { splitCertificates } from '@certctl/pki'
import type { Acme } from '../acme.js'
import { identifierSet, type Order } from './order.js'

const chainKey = 'last-chain'
const chainSchema = z.object({ chain_pem: z.string() })
const setPrefix = 'issued/'
/** Longer than any public certificate lives: who renews later than this renews nothing. */
const setMs = 400 * 86_400_000

/** What later questions need: which CA issues now, and which sets of names had a certificate. */
export async function recordIssued({ host }: Acme, { identifiers }: Order, chainPem: string): Promise<void> {
  const known = await host.state.get(chainKey)
  const isKnown = known !== undefined && chainSchema.safeParse(known.value).data?.chain_pem === chainPem
  if (!isKnown && chainPem !== '') await host.state.put(chainKey, { chain_pem: chainPem })
  const expiresAt = new Date(host.now().getTime() + setMs)
  await host.state.put(setKey(identifierSet(identifiers)), { at: host.now().toISOString() }, { expiresAt })
}

/** Whether these very names had a certificate: then another one is a renewal to the CA. */
export async function wasIssued({ host }: Acme, identifiers: string): Promise<boolean> {
  return (await host.state.get(setKey(identifiers))) !== undefined
}

function setKey(identifiers: string): string {
  return `${setPrefix}${createHash('sha256').update(identifiers).digest('hex')}`
}

/** ACME has no static chain: the one that came with the last certificate. Throws `not_found` before there is one. */
export async function lastChain({ config, host }: Acme): Promise<string[]> {
  const stored = await host.state.get(chainKey)
  if (stored !== undefined) return splitCertificates(chainSchema.parse(stored.value).chain_pem)
  throw new CertctlError(
    'not_found',
    `${new URL(config.directory_url).host} tells its CA certificates with each certificate; they are known once one was issued`,
  )
}
