import { messageOf } from '@certctl/core'
import { fingerprintOf, parseCertificate, splitCertificates } from '@certctl/pki'
import type { Acme } from '../acme.js'
import type { Chain } from './download.js'

interface Choice {
  chains: readonly Chain[]
  preferred: string
  signal: AbortSignal
}

/** `shortest`, the fingerprint of a root, or a common name; where nothing fits, the CA's own choice, with a warning. */
export async function chooseChain(acme: Acme, { chains, preferred, signal }: Choice): Promise<Chain> {
  const [first] = chains
  if (first === undefined) throw new TypeError('There is no chain to choose from')
  if (preferred.toLowerCase() === 'shortest')
    return chains.reduce((best, chain) => (length(chain) < length(best) ? chain : best))
  const fingerprint = preferred.replaceAll(':', '').toLowerCase()
  const isFingerprint = /^[0-9a-f]{64}$/.test(fingerprint)
  for (const chain of chains)
    if (isFingerprint ? await leadsTo(acme, { chain, fingerprint, signal }) : isNamed(chain, preferred)) return chain
  acme.host.log.warn('no chain of the CA is the preferred one; its own choice is taken', {
    preferred,
    offered: chains.map(topIssuerOf),
  })
  return first
}

function length({ chainPem }: Chain): number {
  return splitCertificates(chainPem).length
}

function certificatesOf({ certificatePem, chainPem }: Chain) {
  return [certificatePem, ...splitCertificates(chainPem)].map((pem) => parseCertificate(pem))
}

function topIssuerOf(chain: Chain): string {
  return certificatesOf(chain).at(-1)?.issuerText ?? ''
}

/** Anywhere above the leaf: the name of the root stands in the last certificate as its issuer. */
function isNamed(chain: Chain, name: string): boolean {
  return certificatesOf(chain).some(({ issuerCommonName }) => issuerCommonName?.toLowerCase() === name.toLowerCase())
}

interface Root {
  chain: Chain
  fingerprint: string
  signal: AbortSignal
}

async function leadsTo(acme: Acme, { chain, fingerprint, signal }: Root): Promise<boolean> {
  const certificates = certificatesOf(chain)
  if (certificates.some((certificate) => certificate.fingerprint === fingerprint)) return true
  // CAs leave the root out; the last certificate says where to get it (RFC 5280 §4.2.2.1).
  for (const url of certificates.at(-1)?.caIssuerUrls.slice(0, 2) ?? [])
    if ((await fetchFingerprint(acme, url, signal)) === fingerprint) return true
  return false
}

async function fetchFingerprint({ host }: Acme, url: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { origin, pathname, search } = new URL(url)
    const client = host.http({ baseUrl: origin, addresses: 'public-only', maxResponseBytes: 65_536 })
    const response = await client.request({ method: 'GET', path: `${pathname}${search}`, signal })
    return response.status === 200 ? fingerprintOf(response.body) : undefined
  } catch (error) {
    if (signal.aborted) throw error
    host.log.warn('the root of a chain could not be fetched', { url, reason: messageOf(error) })
    return undefined
  }
}
