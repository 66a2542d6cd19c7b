import { messageOf } from '@certctl/core'
import type { Acme } from '../acme.js'
import type { Published } from '../order/progress.js'
import { findZoneServers } from './zone-servers.js'

export interface Propagation {
  state: 'visible' | 'waiting' | 'given up'
  /** Who answered what. */
  report: string
}

type DnsAnswer = Extract<Published, { kind: 'dns' }>

/** Asks whether the CA will see the record: the zone's own servers first, and resolvers only when those have it, since a resolver remembers that there was nothing. */
export async function askPropagation(acme: Acme, answer: DnsAnswer, signal: AbortSignal): Promise<Propagation> {
  const { config, host } = acme
  const waited = (host.now().getTime() - Date.parse(answer.at)) / 1000
  const isPatient = waited < config.dns_propagation_wait
  if (!config.dns_propagation_check)
    return {
      state: isPatient ? 'waiting' : 'visible',
      report: `${answer.name} was written ${Math.round(waited)} s ago`,
    }
  const { views, fault } = await lookAround(acme, answer, signal)
  const report = [...(fault === undefined ? [] : [fault]), ...views.map(({ who, said }) => `${who}: ${said}`)].join(
    '; ',
  )
  const shown = `${answer.name} ${answer.value}: ${report}`
  if (views.some(({ said }) => said === lacks))
    return { state: waited < config.dns_propagation_timeout ? 'waiting' : 'given up', report: shown }
  // Who does not answer us may still answer the CA: not waited for without end.
  const isSilent = views.length === 0 || views.some(({ said }) => said !== has)
  return { state: isSilent && isPatient ? 'waiting' : 'visible', report: shown }
}

const has = 'has it'
const lacks = 'does not have it'

interface View {
  who: string
  said: string
}

async function lookAround(acme: Acme, answer: DnsAnswer, signal: AbortSignal) {
  const { zone, servers, fault } = await findZoneServers(acme, answer.name, signal)
  const own = await Promise.all(
    servers.map(({ name, address }) => view(acme, answer, { who: `${name} (${zone})`, servers: [address], signal })),
  )
  const isThere = own.every(({ said }) => said !== lacks)
  const isConclusive = own.length > 0 && own.every(({ said }) => said === has)
  const { dns_resolvers } = acme.config
  // Asked one by one where they are named; the system's only where the zone's own servers could not say.
  const resolvers = dns_resolvers?.map((address) => [address]) ?? (isConclusive ? [] : [undefined])
  const others = isThere
    ? await Promise.all(
        resolvers.map((one) =>
          view(acme, answer, { who: `resolver ${one?.[0] ?? 'of the system'}`, servers: one, signal }),
        ),
      )
    : []
  return { views: [...own, ...others], fault }
}

async function view(
  { host }: Acme,
  { name, value }: DnsAnswer,
  { who, servers, signal }: { who: string; servers: readonly string[] | undefined; signal: AbortSignal },
): Promise<View> {
  try {
    const values = await host.resolve({ name, type: 'TXT', servers, signal })
    return { who, said: values.includes(value) ? has : lacks }
  } catch (error) {
    if (signal.aborted) throw error
    return { who, said: `no answer (${messageOf(error)})` }
  }
}
