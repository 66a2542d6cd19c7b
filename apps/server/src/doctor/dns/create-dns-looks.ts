import { setMaxListeners } from 'node:events'
import type { AddressPolicy } from '@certctl/kit'
import { atMost } from '../at-most.js'
import type { Descent, DnsLooks, DnsQuery, Resolution } from '../looks.js'
import { once } from '../once.js'
import { askServer } from './ask-server.js'
import { descend, isWithoutRoots } from './descend.js'
import type { DnsReply, RecordType } from './dns-record.js'
import { resolveAtSource, resolveByResolvers } from './resolve.js'

export interface DnsSurroundings {
  roots: readonly string[]
  resolvers: readonly string[]
  port: number
  addresses: AddressPolicy
}

/** Each has a socket; a zone may name thousands of servers. */
const mostQuestions = 64

/** Looks into DNS; each question is asked once in their life. */
export function createDnsLooks({ roots, resolvers, port, addresses }: DnsSurroundings, signal: AbortSignal): DnsLooks {
  const inTurn = atMost(mostQuestions)
  setMaxListeners(0, signal) // as many questions at once as there are
  const ask = once(
    async (query: DnsQuery): Promise<DnsReply> =>
      // Resolvers are this machine's own, and may be anywhere.
      await inTurn(() =>
        askServer(query, { port, signal, addresses: query.recursion === undefined ? addresses : 'any' }),
      ),
  )
  /** `trail`: names of servers on whose addresses this very question waits. */
  const down = async (name: string, trail: readonly string[]): Promise<Descent> =>
    await descend(name, { ask, roots, addressesOf: async (host) => await addressesOf(host, trail) })
  const addressesOf = async (host: string, trail: readonly string[]): Promise<readonly string[]> => {
    if (trail.includes(host) || trail.length > 3) return []
    const source = { ask, descend: async (name: string) => await down(name, [...trail, host]) }
    const found = await Promise.all([resolveAtSource(host, 'A', source), resolveAtSource(host, 'AAAA', source)])
    return found.flatMap((one) => (one.state === 'found' ? one.records.map(({ address }) => address) : []))
  }
  const fromTop = once(async (name: string) => await down(name, []))
  return {
    ask,
    resolvers,
    descend: fromTop,
    async resolve<T extends RecordType>(name: string, type: T): Promise<Resolution<T>> {
      const { zones, end } = await fromTop(name)
      // Without a way to the roots the resolvers are all there is.
      if (isWithoutRoots({ zones, end })) return await resolveByResolvers(name, type, { ask, resolvers })
      return await resolveAtSource(name, type, { ask, descend: fromTop })
    },
    recall: async <T extends RecordType>(name: string, type: T): Promise<Resolution<T>> =>
      await resolveByResolvers(name, type, { ask, resolvers }),
  }
}
