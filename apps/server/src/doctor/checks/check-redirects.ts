import { broken, doubtful, type Fault, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import type { Subject } from '../subject.js'
import { mostRedirects, type Trail } from './redirect-trail.js'
import { trailsOf } from './trails.js'

/** Whether redirects of the challenge lead where a CA follows. */
export async function checkRedirects(looks: Looks, subject: Subject): Promise<Finding[]> {
  const trails = await trailsOf(looks, subject)
  return trails.filter(({ urls }) => urls.length > 1).map(findingOf)
}

const exception = 'Leave /.well-known/acme-challenge/ out of the redirect: the token is to be answered right there'

function findingOf(trail: Trail): Finding {
  const { end, address, urls } = trail
  const way = `${address}: ${shown(urls)}`
  switch (end.kind) {
    case 'arrived':
      return fine('redirect_ok', `${way}; CAs follow this, whatever certificate is there`)
    case 'shut':
      return broken('redirect_dead_end', {
        seen: `${way}, where ${end.look.state === 'not_http' ? 'something else than a web server answers' : `the port is ${end.look.state}`}`,
        cause: 'The web server redirects to a port on which it does not answer',
        remedy: `Open that port, or: ${lowered(exception)}`,
      })
    case 'elsewhere':
      return doubtful('redirect_elsewhere', elsewhere(way, urls))
    default:
      return broken(faults[end.kind].code, { seen: way, ...faults[end.kind].fault })
  }
}

type Told = {
  code: 'redirect_loop' | 'redirect_endless' | 'redirect_scheme' | 'redirect_port'
  fault: Omit<Fault, 'seen'>
}

const faults: Readonly<Record<'loop' | 'endless' | 'scheme' | 'port', Told>> = {
  loop: {
    code: 'redirect_loop',
    fault: {
      cause: 'Two rules send the caller to each other, as where a proxy speaks HTTP to a server that insists on HTTPS',
      remedy: exception,
    },
  },
  endless: {
    code: 'redirect_endless',
    fault: { cause: `Each redirect leads to another; CAs follow ${mostRedirects}`, remedy: exception },
  },
  scheme: {
    code: 'redirect_scheme',
    fault: { cause: 'CAs follow to http:// and https:// only', remedy: exception },
  },
  port: {
    code: 'redirect_port',
    fault: { cause: 'CAs follow to port 80 for http:// and port 443 for https:// only', remedy: exception },
  },
}

function elsewhere(way: string, urls: readonly string[]): Fault {
  const host = new URL(urls.at(-1) ?? '').hostname
  return {
    seen: `${way}; another host was not looked at`,
    cause: 'A CA follows there, and the token must be answered there',
    remedy: `certctl doctor ${host}, or: ${lowered(exception)}`,
  }
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** Scheme and host of each step; of paths and queries, which may hold what is nobody's business, no more than that there are some. */
function shown(urls: readonly string[]): string {
  const places = urls.map((text) => {
    const { protocol, host, pathname } = new URL(text)
    const path = pathname.startsWith('/.well-known/acme-challenge/') ? '/.well-known/acme-challenge/…' : '/…'
    return `${protocol}//${host}${pathname === '/' ? '/' : path}`
  })
  const most = 4
  return places.length <= most
    ? places.join(' → ')
    : `${places.slice(0, most).join(' → ')} → … (${urls.length - 1} redirects)`
}
