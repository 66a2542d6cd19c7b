import { broken, doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { isProvenByConnecting, type Subject } from '../subject.js'

/** Top levels that are nobody's, or everybody's: RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 8375, and those that ICANN keeps out for private use. */
const privateEnds =
  /(?:^|\.)(?:test|example|invalid|localhost|local|internal|intranet|private|corp|home|lan|home\.arpa|onion|alt)$/

/** Whether any CA could certify the name, and the method could prove it. */
export async function checkName(_looks: Looks, subject: Subject): Promise<Finding[]> {
  const { asked, method } = subject
  if (asked.kind === 'malformed')
    return [
      broken('name_malformed', {
        seen: `${JSON.stringify(asked.text.slice(0, 100))}: ${asked.reason}`,
        cause: 'No CA can certify it as it is written',
        remedy: 'Write it as www.example.com, *.example.com or 192.0.2.1',
      }),
    ]
  if (asked.kind === 'address') return [method.startsWith('dns-') ? needsHttp(asked.name, method) : nameOk(asked.name)]
  const { name, isWildcard } = asked
  const shown = isWildcard ? `*.${name}` : name
  const faults = [
    ...(isWildcard && isProvenByConnecting(subject) ? [needsDns(shown, method)] : []),
    ...(privateEnds.test(name) || !name.includes('.') ? [notPublic(shown)] : []),
  ]
  return faults.length > 0 ? faults : [nameOk(shown)]
}

function nameOk(name: string): Finding {
  return fine('name_ok', `${name} is a name that can be certified`)
}

function needsDns(name: string, method: string): Finding {
  return broken('wildcard_needs_dns', {
    seen: `${name} is to be proven by ${method}`,
    cause: 'A wildcard stands for hosts that nobody can connect to; every CA asks for a DNS record instead',
    remedy: `Set challenge_type of the issuer to dns-01 or dns-persist-01, then: certctl doctor '${name}' --method dns-01`,
  })
}

function needsHttp(address: string, method: string): Finding {
  return broken('address_needs_http', {
    seen: `${address} is to be proven by ${method}`,
    cause: 'An address has no DNS zone of its own (RFC 8738 §7)',
    remedy: `Prove it by a connection: certctl doctor ${address} --method http-01`,
  })
}

function notPublic(name: string): Finding {
  return doubtful('name_not_public', {
    seen: `${name} does not lie under a public top-level domain`,
    cause: 'Names like this belong to nobody, so that no public CA certifies them',
    remedy: 'Use a CA of your own for it, or a name under a domain that is registered to you',
  })
}
