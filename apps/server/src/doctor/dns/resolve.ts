import type { Descent, Resolution } from '../looks.js'
import { type Ask, firstUseful } from './descend.js'
import { type DnsReply, ofType, type RecordOf, type RecordType } from './dns-record.js'

type Answered = Extract<DnsReply, { state: 'answered' }>
type Step = Answered | { failed: string }

/** CAs give up sooner or later; longer chains than this are nobody's intention. */
const mostAliases = 10

/** Follows aliases from name to name; `stepOf` says what is known of one name. */
async function follow<T extends RecordType>(
  name: string,
  type: T,
  stepOf: (name: string) => Promise<Step>,
): Promise<Resolution<T>> {
  const chain = [name]
  for (let current = name; chain.length <= mostAliases; ) {
    const step = await stepOf(current)
    if ('failed' in step) return { chain, state: 'failed', reason: step.failed }
    const records = ofType(step.answers, type).filter((record) => record.name === current)
    if (records.length > 0) return { chain, state: 'found', records: records as RecordOf<T>[] }
    const alias = ofType(step.answers, 'CNAME').find((record) => record.name === current)
    if (alias === undefined) return { chain, state: step.code === 'NXDOMAIN' ? 'no_such_name' : 'none' }
    if (chain.includes(alias.target)) return { chain: [...chain, alias.target], state: 'loop' }
    chain.push(alias.target)
    current = alias.target
  }
  return { chain, state: 'loop' }
}

/** What the servers of the zones say themselves. */
export async function resolveAtSource<T extends RecordType>(
  name: string,
  type: T,
  { ask, descend }: { ask: Ask; descend(name: string): Promise<Descent> },
): Promise<Resolution<T>> {
  return await follow(name, type, async (current) => {
    const { zones, end } = await descend(current)
    const zone = zones.at(-1)
    if (zone === undefined || end === 'stuck')
      return { failed: `no name server of ${zone?.name || 'the root'} answers for ${current}` }
    const reply = await firstUseful(zone, { name: current, type }, { ask })
    return reply ?? { failed: `no name server of ${zone.name} says what ${type} records ${current} has` }
  })
}

/** What the resolvers say, the first that answers. */
export async function resolveByResolvers<T extends RecordType>(
  name: string,
  type: T,
  { ask, resolvers }: { ask: Ask; resolvers: readonly string[] },
): Promise<Resolution<T>> {
  return await follow(name, type, async (current) => {
    const reasons: string[] = []
    for (const server of resolvers) {
      const reply = await ask({ server, name: current, type, recursion: 'checked' })
      if (reply.state === 'answered' && ['NOERROR', 'NXDOMAIN'].includes(reply.code)) return reply
      reasons.push(`${server}: ${reply.state === 'answered' ? reply.code : reply.reason}`)
    }
    return { failed: reasons.length === 0 ? 'no resolver is set' : reasons.join('; ') }
  })
}
