import { doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import type { Subject } from '../subject.js'
import { trailsOf } from './trails.js'

/** Whether a token that no order has is answered by anything: where it is, so may be a token that one has. */
export async function checkPath(looks: Looks, subject: Subject): Promise<Finding[]> {
  const trails = await trailsOf(looks, subject)
  return trails.flatMap(({ address, end }) =>
    end.kind === 'arrived'
      ? [findingOf(`${address} answers a token that does not exist with status ${end.status}`, end)]
      : [],
  )
}

function findingOf(seen: string, { status, echoesToken }: { status: number; echoesToken: boolean }): Finding {
  if (status >= 200 && status < 400)
    return doubtful('path_taken', {
      seen: `${seen}${echoesToken ? ', and repeats it' : ''}`,
      cause: echoesToken
        ? 'Another ACME client (a proxy, a hosting panel, a CDN) answers challenges for this name'
        : 'The web server answers every path with a page of its own, as single-page applications do',
      remedy:
        'Hand /.well-known/acme-challenge/ to where the challenge is answered, before any other rule of the web server',
    })
  if (status === 401 || status === 403)
    return doubtful('path_forbidden', {
      seen,
      cause: 'A password, an address list, or a web application firewall stands before the path; CAs are strangers',
      remedy: 'Let everybody read /.well-known/acme-challenge/, without a password and from everywhere',
    })
  if (status >= 500)
    return doubtful('path_failing', {
      seen,
      cause:
        'The web server cannot reach what it hands the path to. While no order is open that can be as it should be',
      remedy: 'Look into the log of the web server; where it forwards to this server, compare http_port of the issuer',
    })
  return fine('path_ok', seen)
}
