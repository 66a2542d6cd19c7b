import { addressesOfZone, isWithoutRoots } from '../dns/descend.js'
import { contentOf, type DnsRecord, type DnsReply, labelCount, ofType, type RecordType } from '../dns/dns-record.js'
import { doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { challengeNameOf, dnsNameOf, type Subject } from '../subject.js'

interface Question {
  name: string
  type: RecordType
}

/** Whether everybody who is asked says the same: the zone's name servers among themselves, and the resolvers of this machine. */
export async function checkViews(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  if (isWithoutRoots(await looks.descend(name))) return []
  const challenge = challengeNameOf(subject)
  const questions: Question[] = [
    { name, type: 'A' },
    { name, type: 'AAAA' },
    { name, type: 'CAA' },
    ...(challenge === undefined ? [] : [{ name: challenge, type: 'TXT' as const }]),
  ]
  const faults = [
    ...(await serverFaults(looks, name, questions)),
    ...(
      await Promise.all(looks.resolvers.map(async (resolver) => await resolverFaults(looks, resolver, questions)))
    ).flat(),
  ]
  return faults.length > 0 ? faults : [fine('views_ok', `Name servers and resolvers say the same about ${name}`)]
}

async function serverFaults(looks: Looks, name: string, questions: readonly Question[]): Promise<Finding[]> {
  const { zones, end } = await looks.descend(name)
  const zone = zones.at(-1)
  if (zone === undefined || end === 'stuck' || labelCount(zone.name) <= 1) return []
  const servers = addressesOfZone(zone)
  const differing = await Promise.all(questions.map(async (question) => await disagreement(looks, servers, question)))
  const faults = differing.flat()
  return faults.length > 0 ? faults : await serialFaults(looks, servers, zone.name)
}

async function disagreement(looks: Looks, servers: readonly string[], question: Question): Promise<Finding[]> {
  const views = await viewsOf(looks, servers, question)
  if (new Set(views.map(({ says }) => says)).size <= 1) return []
  return [
    doubtful('servers_differ', {
      seen: `${question.type} of ${question.name}: ${views.map(({ server, says }) => `${server} says ${says}`).join('; ')}`,
      cause:
        'A change has not reached every name server of the zone, or they serve different copies of it. What a CA sees is chance',
      remedy: 'Look whether zone transfers (or the provider’s publishing) work, and wait until all say the same',
    }),
  ]
}

async function viewsOf(looks: Looks, servers: readonly string[], question: Question) {
  const replies = await Promise.all(
    servers.map(async (server) => ({ server, reply: await looks.ask({ server, ...question }) })),
  )
  return replies.flatMap(({ server, reply }) => {
    const says = saidBy(reply, question)
    return says === undefined ? [] : [{ server, says }]
  })
}

/** What an authoritative server holds, in one text; `undefined` where it says nothing of its own. */
function saidBy(reply: DnsReply, { name, type }: Question): string | undefined {
  if (reply.state !== 'answered' || !reply.isAuthoritative || !['NOERROR', 'NXDOMAIN'].includes(reply.code))
    return undefined
  const own = reply.answers.filter((record) => record.name === name && [type, 'CNAME'].includes(record.type))
  return textOf(own)
}

function textOf(records: readonly DnsRecord[]): string {
  const contents = [...new Set(records.map(contentOf))].toSorted()
  return contents.length === 0 ? 'nothing' : shortened(contents.join(', '))
}

function shortened(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}…`
}

async function serialFaults(looks: Looks, servers: readonly string[], zone: string): Promise<Finding[]> {
  const views = await viewsOf(looks, servers, { name: zone, type: 'SOA' })
  if (new Set(views.map(({ says }) => says)).size <= 1) return []
  return [
    doubtful('serials_differ', {
      seen: `${zone} has different serial numbers: ${views.map(({ server, says }) => `${server} ${says}`).join('; ')}`,
      cause: 'A change is on its way to the other name servers, or does not get there',
      remedy: 'Wait a minute and run the doctor again; if it stays so, look at the zone transfers',
    }),
  ]
}

async function resolverFaults(looks: Looks, resolver: string, questions: readonly Question[]): Promise<Finding[]> {
  const compared = await Promise.all(questions.map(async (question) => await compare(looks, resolver, question)))
  const silent = compared.find((one) => typeof one === 'string')
  if (typeof silent === 'string') return [resolverSilent(resolver, silent)]
  return compared.flatMap((one) => (one === undefined || typeof one === 'string' ? [] : [one]))
}

/** A finding; `undefined` where they agree or one of them has no answer; the reason where the resolver is silent. */
async function compare(
  looks: Looks,
  resolver: string,
  { name, type }: Question,
): Promise<Finding | string | undefined> {
  const reply = await looks.ask({ server: resolver, name, type, recursion: 'checked' })
  if (reply.state !== 'answered') return reply.reason
  const source = await looks.resolve(name, type)
  // That it fails is said by those who check delegation and signatures.
  if (source.state === 'failed' || source.state === 'loop' || !['NOERROR', 'NXDOMAIN'].includes(reply.code))
    return undefined
  // Who serves under an alias often answers by where the question comes from.
  if (source.chain.length > 1 && (type === 'A' || type === 'AAAA')) return undefined
  const records = ofType(reply.answers, type)
  const [theirs, own] = [textOf(records), textOf(source.state === 'found' ? source.records : [])]
  if (theirs === own) return undefined
  const left =
    records.length === 0 ? 'a while' : `up to ${Math.max(...records.map(({ ttlSeconds }) => ttlSeconds))} s more`
  return doubtful('resolver_differs', {
    seen: `${type} of ${name}: the resolver ${resolver} says ${theirs}, the name servers say ${own}`,
    cause: `It still has the answer from before (for ${left}), or it shows this network another view of the zone than the world gets`,
    remedy:
      'Wait until it has forgotten the old answer; or give the issuer resolvers that see what the CA sees (dns_resolvers)',
  })
}

function resolverSilent(resolver: string, reason: string): Finding {
  return doubtful('resolver_silent', {
    seen: `The resolver ${resolver} of this server does not answer: ${reason}`,
    cause: 'It is down, or it does not answer this machine',
    remedy: 'Correct the resolvers of this machine (/etc/resolv.conf)',
  })
}
