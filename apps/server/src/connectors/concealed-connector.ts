import type { Concealer } from './concealer.js'

/** Texts of an answer that are written down for people. All else is the connector's own or is a certificate. */
const saying = new Set(['detail', 'reason'])

/**
 * The same connector, whose errors and explanations carry no secret of its instance: they go into tables, events, notifications and
 * answers.
 */
export function concealedConnector<Connector extends object>(connector: Connector, conceal: Concealer): Connector {
  // Not around the connector itself: a frozen one would have to show its own methods.
  return new Proxy<object>(
    {},
    {
      has: (_, name) => Reflect.has(connector, name),
      get(_, name) {
        const member: unknown = Reflect.get(connector, name)
        if (typeof member !== 'function') return member
        return (...given: unknown[]) => call(() => Reflect.apply(member, connector, given), conceal)
      },
    },
  ) as Connector
}

function call(ask: () => unknown, conceal: Concealer): unknown {
  try {
    const answer = ask()
    if (!isPromise(answer)) return answer
    return Promise.resolve(answer).then(
      (outcome: unknown) => concealedOutcome(outcome, conceal),
      (error: unknown) => {
        throw conceal.error(error)
      },
    )
  } catch (error) {
    throw conceal.error(error)
  }
}

function concealedOutcome(outcome: unknown, conceal: Concealer): unknown {
  if (!isPlain(outcome)) return outcome
  const fields = Object.entries(outcome).map(([name, value]) => {
    if (saying.has(name) && typeof value === 'string') return [name, conceal.text(value)] as const
    if (name === 'recipients' && Array.isArray(value))
      return [name, value.map((item: unknown) => concealedOutcome(item, conceal))] as const
    return [name, value] as const
  })
  return Object.fromEntries(fields)
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** By its shape: a connector may bring promises of its own. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
