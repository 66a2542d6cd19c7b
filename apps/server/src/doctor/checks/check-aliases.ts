import { labelCount } from '../dns/dns-record.js'
import { broken, type Finding, fine } from '../finding.js'
import type { Looks, Resolution } from '../looks.js'
import { challengeNameOf, dnsNameOf, isProvenByConnecting, type Subject } from '../subject.js'

/** Whether aliases (CNAME) of the name, or of the name of the challenge, end somewhere. */
export async function checkAliases(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  const findings: Finding[] = []
  if (isProvenByConnecting(subject)) findings.push(...(await ownAlias(looks, name)))
  const challenge = challengeNameOf(subject)
  if (challenge !== undefined) findings.push(...(await challengeAlias(looks, challenge)))
  return findings.length > 0 ? findings : [fine('cname_ok', 'No alias leads astray')]
}

async function ownAlias(looks: Looks, name: string): Promise<Finding[]> {
  const found = await looks.resolve(name, 'A')
  if (found.state === 'loop') return [loop(found)]
  const isDangling = found.chain.length > 1 && found.state === 'no_such_name'
  return isDangling
    ? [dangling(found.chain, `Create ${found.chain.at(-1)}, or correct the CNAME record of ${name}`)]
    : []
}

async function challengeAlias(looks: Looks, challenge: string): Promise<Finding[]> {
  const found = await looks.resolve(challenge, 'TXT')
  if (found.state === 'loop') return [loop(found)]
  const target = found.chain.at(-1)
  if (target === undefined || found.chain.length === 1) return []
  // That the record itself is not there is as it should be before an order; that its zone is not is not.
  const { zones, end } = await looks.descend(target)
  const isNowhere = end === 'denied' && labelCount(zones.at(-1)?.name ?? '') <= 1
  if (isNowhere)
    return [dangling(found.chain, `Remove the CNAME record of ${challenge}, or lead it to a zone that is there`)]
  return [fine('challenge_delegated', `${challenge} leads to ${target}: records of the challenge go there`)]
}

function loop({ chain }: Pick<Resolution<'A'>, 'chain'>): Finding {
  return broken('cname_loop', {
    seen: `Aliases lead in a circle, or on and on: ${chain.join(' → ')}`,
    cause: 'A CNAME record leads back to where it came from, so that no resolver finds an answer',
    remedy: `Correct the CNAME record of ${chain.at(-2) ?? chain[0]}`,
  })
}

function dangling(chain: readonly string[], remedy: string): Finding {
  return broken('cname_dangling', {
    seen: `${chain.join(' → ')}, and there is no such name`,
    cause: 'What the alias leads to was removed or never made; whoever makes it could answer in your name',
    remedy,
  })
}
