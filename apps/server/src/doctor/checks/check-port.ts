import { broken, doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { isProvenByConnecting, type Subject } from '../subject.js'
import { type FirstVisit, firstVisits, staleV6 } from './first-visits.js'

/** Whether the port that a CA connects to is open, and speaks what it should. */
export async function checkPort(looks: Looks, subject: Subject): Promise<Finding[]> {
  if (!isProvenByConnecting(subject)) return []
  const visits = await firstVisits(looks, subject)
  const stale = staleV6(visits)
  const findings = visits.filter((visit) => !stale.includes(visit)).map((visit) => findingOf(looks, visit, subject))
  return findings.flat()
}

function findingOf(looks: Looks, { address, look }: FirstVisit, { method }: Subject): Finding[] {
  const port = method === 'http-01' ? 80 : 443
  const place = `${address} port ${port}`
  switch (look.state) {
    case 'answered':
      return [fine('port_ok', `${place} is open`)]
    case 'closed':
      return [closed(place, port)]
    case 'filtered':
      return [filtered(place, port)]
    case 'not_http':
      // For tls-alpn-01 only the handshake counts, and only for those who offer its own protocol.
      return port === 443 ? [fine('port_ok', `${place} is open`)] : [notHttp(place, look.reason)]
    case 'unseen':
      return address.includes(':') ? [] : [unseen(looks, { address, place, reason: look.reason })]
  }
}

function closed(place: string, port: number): Finding {
  return broken('port_closed', {
    seen: `${place} refuses connections`,
    cause: 'Nothing listens there, or a firewall turns connections away. A CA always begins at this port',
    remedy: `Let the web server listen on port ${port}, or forward that port to where the challenge is answered (${port === 80 ? 'http_port' : 'tls_alpn_port'} of the issuer)`,
  })
}

function filtered(place: string, port: number): Finding {
  return broken('port_filtered', {
    seen: `${place} does not answer at all`,
    cause: 'A firewall or a security group drops connections to it, or the host is down',
    remedy: `Allow TCP port ${port} from everywhere: CAs validate from many networks and do not publish their addresses`,
  })
}

function notHttp(place: string, reason: string): Finding {
  return broken('port_not_http', {
    seen: `${place} is open, and what answers does not speak HTTP: ${reason}`,
    cause: 'Another program has the port, or it expects TLS where CAs speak plain HTTP',
    remedy: 'Let a web server answer plain HTTP on port 80; redirects to HTTPS are fine',
  })
}

function unseen(looks: Looks, { address, place, reason }: Record<'address' | 'place' | 'reason', string>): Finding {
  return doubtful('port_unseen', {
    seen: `${place} was not contacted: ${reason}`,
    cause: 'This server does not connect to addresses of that kind, whoever asks',
    remedy:
      looks.reachOf(address) === 'private'
        ? 'Where internal networks may be contacted: CERTCTL_HEALTH_CHECK_ADDRESSES=private on the server'
        : 'Give the name the address of its host; no setting has such an address contacted',
  })
}
