import type { Looks } from '../looks.js'
import type { Subject } from '../subject.js'

export type Addresses =
  | { known: true; v4: readonly string[]; v6: readonly string[]; isInside: boolean }
  | { known: false; reason: string }

/** Where the name leads: by its own name servers, else, where those fail or know no address (`isInside`), by the resolvers of this machine. */
export async function addressesOf(looks: Looks, { asked }: Subject): Promise<Addresses> {
  if (asked.kind === 'malformed') return { known: false, reason: asked.reason }
  if (asked.kind === 'address') {
    const isV6 = asked.name.includes(':')
    return { known: true, v4: isV6 ? [] : [asked.name], v6: isV6 ? [asked.name] : [], isInside: false }
  }
  const [v4, v6] = await Promise.all([lookUp(looks, asked.name, 'A'), lookUp(looks, asked.name, 'AAAA')])
  if (v4.state === 'failed' && v6.state === 'failed') return { known: false, reason: v4.reason }
  const own = { known: true as const, v4: listOf(v4), v6: listOf(v6), isInside: false }
  if (own.v4.length > 0 || own.v6.length > 0) return own
  const inside = await Promise.all([looks.recall(asked.name, 'A'), looks.recall(asked.name, 'AAAA')])
  return { known: true, v4: listOf(inside[0]), v6: listOf(inside[1]), isInside: true }
}

async function lookUp(looks: Looks, name: string, type: 'A' | 'AAAA') {
  const own = await looks.resolve(name, type)
  return own.state === 'failed' ? await looks.recall(name, type) : own
}

function listOf(found: Awaited<ReturnType<typeof lookUp>>): string[] {
  return found.state === 'found' ? found.records.map(({ address }) => address) : []
}
