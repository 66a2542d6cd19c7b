import type { Looks, WebLook } from '../looks.js'
import { challengePath } from './first-visits.js'

/** RFC 8555 leaves it open; CAs follow ten. */
export const mostRedirects = 10

/** How following redirects from one address ends. */
export type TrailEnd =
  | { kind: 'arrived'; status: number; echoesToken: boolean }
  | { kind: 'shut'; look: Exclude<WebLook, { state: 'answered' }> }
  | { kind: 'loop' | 'endless' | 'scheme' | 'port' | 'elsewhere' }

export interface Trail {
  address: string
  /** URLs, the first to the last. */
  urls: readonly string[]
  end: TrailEnd
}

/** Follows redirects as a CA does, but to no other host: that would be somebody else's. */
export async function followFrom(looks: Looks, host: string, address: string): Promise<Trail> {
  const shownHost = host.includes(':') ? `[${host}]` : host
  const urls = [`http://${shownHost}${challengePath(looks)}`]
  for (;;) {
    const url = new URL(urls.at(-1) ?? '')
    const scheme = url.protocol === 'https:' ? 'https' : 'http'
    const look = await looks.visit({ address, scheme, path: `${url.pathname}${url.search}` })
    const end = endOf(look, urls)
    if (end !== undefined) return { address, urls, end }
    const next = nextOf(look, url)
    urls.push(next.href)
    const stop = stopOf(next, url.hostname, urls)
    if (stop !== undefined) return { address, urls, end: stop }
  }
}

function endOf(look: WebLook, urls: readonly string[]): TrailEnd | undefined {
  if (look.state !== 'answered') return { kind: 'shut', look }
  const { status, location, echoesToken } = look
  const isRedirect = status >= 300 && status < 400 && location !== undefined && URL.canParse(location, urls.at(-1))
  return isRedirect ? undefined : { kind: 'arrived', status, echoesToken }
}

function nextOf(look: WebLook, from: URL): URL {
  const location = look.state === 'answered' ? look.location : undefined
  const next = new URL(location ?? '', from)
  next.hash = ''
  return next
}

/** Why a CA, or we, do not go there. */
function stopOf(next: URL, hostname: string, urls: readonly string[]): TrailEnd | undefined {
  if (next.protocol !== 'http:' && next.protocol !== 'https:') return { kind: 'scheme' }
  // A port that is the scheme's own is empty here.
  const ports = ['', '80', '443']
  if (!ports.includes(next.port)) return { kind: 'port' }
  if (next.hostname !== hostname || next.port !== '') return { kind: next.hostname === hostname ? 'port' : 'elsewhere' }
  if (urls.indexOf(next.href) < urls.length - 1) return { kind: 'loop' }
  return urls.length - 1 > mostRedirects ? { kind: 'endless' } : undefined
}
