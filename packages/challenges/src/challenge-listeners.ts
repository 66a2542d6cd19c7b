import { CertctlError, isCertctlError, messageOf } from '@certctl/core'
import { openHttpListener } from './http-listener.js'
import type { OpenListener } from './listen.js'
import type { ChallengeKind, LiveAnswer } from './live-answer.js'
import { serverNameOf } from './server-name.js'
import { openTlsAlpnListener } from './tls-alpn-listener.js'

export interface ListenersOptions {
  /** Address to listen on. Absent: all of them. */
  host?: string | undefined
  now(): Date
  /** Asked for an answer that is not known here, before it is denied: it may have been given elsewhere a moment ago, and calls `serve` then. */
  lookAgain?: (() => Promise<void>) | undefined
}

export interface ChallengeListeners {
  /**
   * Gives exactly these answers from now on. A port is open from the first answer that needs it until none does any more, shared by all.
   * Resolves when each port is open that can be; one that cannot be is tried again at the next call.
   */
  serve(answers: readonly LiveAnswer[]): Promise<void>
  /** Why an answer of this kind is not given on this port: nobody asked for one, or it cannot be opened. */
  faultOf(place: Pick<LiveAnswer, 'kind' | 'port'>): CertctlError | undefined
  /** Of all ports that an answer needs and that cannot be opened. */
  faults(): readonly CertctlError[]
  /** Ports that are open, as `http-01:80`. */
  open(): readonly string[]
  close(): Promise<void>
}

interface Port {
  kind: ChallengeKind
  port: number
  listener: OpenListener | undefined
  fault: CertctlError | undefined
}

/** One listener per kind and port, for the answers of all orders there are. */
export function createChallengeListeners(options: ListenersOptions): ChallengeListeners {
  const ports = new Map<string, Port>()
  let live: readonly LiveAnswer[] = []
  let turn: Promise<void> = Promise.resolve()

  const find = async (pick: () => LiveAnswer | undefined): Promise<LiveAnswer | undefined> => {
    const known = pick()
    if (known !== undefined || options.lookAgain === undefined) return known
    await options.lookAgain()
    return pick()
  }
  const openPort = async ({ kind, port }: LiveAnswer): Promise<OpenListener> => {
    const here = (answer: LiveAnswer): boolean => answer.kind === kind && answer.port === port
    const { host, now } = options
    if (kind === 'http-01')
      return await openHttpListener({
        port,
        host,
        find: async (token, asked) => (await find(() => ofToken(live.filter(here), token, asked)))?.keyAuthorization,
      })
    const named = (name: string) => () => live.find((answer) => here(answer) && serverNameOf(answer.name) === name)
    return await openTlsAlpnListener({ port, host, now, find: async (name) => await find(named(name)) })
  }
  const settle = async (): Promise<void> => {
    const wanted = new Map(live.map((answer) => [placeOf(answer), answer]))
    for (const [place, { listener }] of ports) {
      if (wanted.has(place)) continue
      ports.delete(place)
      await listener?.close()
    }
    for (const [place, answer] of wanted)
      if (ports.get(place)?.listener === undefined) ports.set(place, await opened(answer, openPort))
  }
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    turn = turn.then(work, work)
    return turn
  }

  return {
    async serve(answers) {
      live = answers
      await inTurn(settle)
    },
    faultOf(place) {
      const port = ports.get(placeOf(place))
      if (port?.listener !== undefined) return undefined
      return port?.fault ?? new CertctlError('internal', `No ${place.kind} answer was given on port ${place.port}`)
    },
    faults: () => [...ports.values()].flatMap(({ fault }) => fault ?? []),
    open: () => [...ports].flatMap(([place, { listener }]) => (listener === undefined ? [] : [place])),
    async close() {
      live = []
      await inTurn(settle)
    },
  }
}

function placeOf({ kind, port }: Pick<LiveAnswer, 'kind' | 'port'>): string {
  return `${kind}:${port}`
}

/** A redirect may have led here under another name, so the host decides only between twins. */
function ofToken(answers: readonly LiveAnswer[], token: string, host: string | undefined): LiveAnswer | undefined {
  const found = answers.filter((answer) => answer.token === token)
  return found.find(({ name }) => name === host) ?? found[0]
}

async function opened(answer: LiveAnswer, openPort: (answer: LiveAnswer) => Promise<OpenListener>): Promise<Port> {
  const { kind, port } = answer
  try {
    return { kind, port, listener: await openPort(answer), fault: undefined }
  } catch (error) {
    const fault = isCertctlError(error) ? error : new CertctlError('internal', messageOf(error), { cause: error })
    return { kind, port, listener: undefined, fault }
  }
}
