import { CertctlError, type ErrorCode, isCertctlError } from '@certctl/core'
import { splitCertificates } from '@certctl/pki'
import type { Account } from '../account/open-account.js'
import type { Acme } from '../acme.js'
import { type Answer, linksOf } from '../transport/answer.js'
import { chooseChain } from './choose-chain.js'
import type { Order } from './order.js'

/** A leaf and what the CA sent after it, PEM. */
export interface Chain {
  certificatePem: string
  chainPem: string
}

interface Download {
  account: Account
  order: Order
  signal: AbortSignal
}

/** The certificate with the chain that is preferred, or the CA's own choice. */
export async function download(acme: Acme, { account, order, signal }: Download): Promise<Chain> {
  const { certificate: url } = order
  if (url === undefined)
    throw new CertctlError(
      'upstream_protocol',
      'The CA calls the order valid and does not say where the certificate is',
    )
  const answer = await account.signer.post(url, null, 'the certificate')
  const first = chainOf(answer)
  const preferred = acme.config.preferred_chain
  if (preferred === undefined) return first
  const chains = [first]
  for (const alternate of linksOf(answer, 'alternate').slice(0, mostAlternates))
    chains.push(...(await alternateAt(acme, account, { alternate, url })))
  return await chooseChain(acme, { chains, preferred, signal })
}

/** The certificate does not depend on it: one that cannot be had is passed over, and tried again only where that may help. */
async function alternateAt(
  { host }: Acme,
  { signer }: Account,
  { alternate, url }: { alternate: string; url: string },
): Promise<Chain[]> {
  try {
    if (!URL.canParse(alternate, url)) throw new CertctlError('upstream_protocol', 'its address is none')
    return [chainOf(await signer.post(new URL(alternate, url).href, null, 'another chain'))]
  } catch (error) {
    if (!isCertctlError(error) || passing.includes(error.code)) throw error
    host.log.warn('another chain of the certificate could not be had', { reason: error.message })
    return []
  }
}

const passing: readonly ErrorCode[] = ['aborted', 'upstream_unavailable', 'rate_limited']

const mostAlternates = 8

function chainOf({ text, headers }: Answer): Chain {
  const [certificatePem, ...rest] = readPem(text)
  if (certificatePem !== undefined) return { certificatePem, chainPem: rest.join('') }
  const type = headers['content-type'] ?? 'an unnamed type'
  throw new CertctlError(
    'upstream_protocol',
    `The ACME server, asked for the certificate, sent ${type} without a certificate in it`,
  )
}

function readPem(text: string): string[] {
  try {
    return splitCertificates(text)
  } catch (cause) {
    throw new CertctlError(
      'upstream_protocol',
      'The ACME server, asked for the certificate, sent PEM that cannot be read',
      { cause },
    )
  }
}
