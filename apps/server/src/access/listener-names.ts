import { hostname, networkInterfaces } from 'node:os'
import { type GeneralName, isCertctlError } from '@certctl/core'
import { parseGeneralName } from '@certctl/pki'

const most = 100

/** The names the listener is reached by: this machine's, the address it listens on, and the public one's host. What cannot be in a certificate is left out. */
export function listenerNames(config: { server_host: string; public_url: string }): GeneralName[] {
  const everywhere = ['0.0.0.0', '::'].includes(config.server_host)
  const listening = everywhere ? ownAddresses() : [config.server_host]
  const publicHost = new URL(config.public_url).hostname.replace(/^\[|\]$/g, '')
  const texts = ['localhost', '127.0.0.1', '::1', hostname().toLowerCase(), publicHost, ...listening]
  return [...new Set(texts)].flatMap(nameOf).slice(0, most)
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.filter(({ address }) => !address.startsWith('fe80:')).map(({ address }) => address)
}

function nameOf(text: string): GeneralName[] {
  try {
    return [parseGeneralName(text)]
  } catch (error) {
    if (isCertctlError(error)) return []
    throw error
  }
}
