import { CertctlError, type DefinitionsByKind, messageOf, z } from '@certctl/core'
import { createTestMessage } from '../../src/index.js'
import { configSchema, type Parts, pagerNotifier, post, sound } from './pager-notifier.js'

export interface BrokenNotifier {
  /** What is wrong with it. */
  name: string
  /** The law that catches it. */
  caughtBy: string
  definition: DefinitionsByKind['notifier']
}

const law = {
  slug: 'its type or an alias is the slug of its folder, and every field says what it is for',
  strict: 'it accepts its own configuration and refuses a field it does not know',
  create: 'creating it touches nothing',
  one: 'one event is one message that says what happened',
  again: 'the same event again is known as the same',
  text: 'line ends and markup in names stay text',
  offers: 'it offers what the contract knows, and testing tells nobody',
  final: 'what the service refuses for good is an error that is not tried again',
  later: 'what may work later is an error that is tried again, when the service says',
  redirect: 'a redirect is not a success and is not followed',
  accepted: 'success is only reported when the service has accepted the message, whichever step fails',
  secret: 'secrets and addresses that are secrets stay out of logs, errors, results and command lines',
  abort: 'an abort ends the call and tells nobody',
} as const

function broken(name: string, caughtBy: string, parts: Partial<Parts>): BrokenNotifier {
  return { name, caughtBy, definition: pagerNotifier(parts) }
}

let sends = 0

export const brokenNotifiers: readonly BrokenNotifier[] = [
  broken('logs a failure and swallows it', law.accepted, {
    async send(bench, message) {
      try {
        return await post(bench, message)
      } catch (error) {
        bench.host.log.warn('not sent', { error: messageOf(error) })
        return {}
      }
    },
  }),
  broken('does not wait for the answer', law.accepted, {
    async send(bench, message) {
      post(bench, message).catch(() => undefined)
      return {}
    },
  }),
  broken('takes every answer for success', law.final, { requireAccepted: () => undefined }),
  broken('takes a redirect for success', law.redirect, {
    requireAccepted(response, bench) {
      if (response.status >= 400) sound.requireAccepted(response, bench)
    },
  }),
  broken('sends again at once when it is not sure', law.one, {
    capabilities: { ...sound.capabilities, deduplicates: false },
    dedupKey: () => undefined,
    async send(bench, message) {
      await post(bench, message)
      return await post(bench, message)
    },
  }),
  broken('leaves out what happened', law.one, { summary: () => 'Something happened' }),
  broken('gives every attempt another id', law.again, {
    dedupKey({ id }) {
      sends += 1
      return `${id}-${sends}`
    },
  }),
  broken('promises to fold repetitions and marks none', law.again, { dedupKey: () => undefined }),
  broken('makes a message of every line', law.text, {
    async send(bench, message) {
      for (const [line, title] of message.title.split('\r\n').entries())
        await post(bench, { ...message, id: `${message.id}-${line}`, title })
      return {}
    },
  }),
  broken('tells people when it is tested', law.offers, {
    extra: (bench) => ({
      async test() {
        await post(bench, createTestMessage({ title: 'web-frontend: a test' }))
        return { detail: 'sent' }
      },
    }),
  }),
  broken('offers what no contract knows', law.offers, { extra: () => ({ sendMany: async () => undefined }) }),
  broken('wants to try again what was refused for good', law.final, {
    requireAccepted({ status }) {
      if (status !== 202) throw new CertctlError('upstream_unavailable', `The pager answered ${status}`)
    },
  }),
  broken('gives up at a 5xx', law.later, {
    requireAccepted({ status, retryAfterSeconds }) {
      if (status === 429) throw new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds })
      if (status !== 202) throw new CertctlError('upstream_rejected', `The pager answered ${status}`)
    },
  }),
  broken('loses Retry-After', law.later, {
    requireAccepted({ status }, bench) {
      if (status === 429) throw new CertctlError('rate_limited', 'Slow down')
      sound.requireAccepted({ status } as Parameters<Parts['requireAccepted']>[0], bench)
    },
  }),
  broken('puts its address into errors', law.secret, {
    async send(bench, message) {
      try {
        return await post(bench, message)
      } catch (cause) {
        throw new CertctlError('upstream_unavailable', `POST ${bench.config.url.reveal()} failed`, { cause })
      }
    },
  }),
  broken('logs the whole request', law.secret, {
    async send(bench, message) {
      bench.host.log.debug('sending', { body: { routing_key: bench.config.routing_key.reveal() } })
      return await post(bench, message)
    },
  }),
  broken('throws errors without a code', law.accepted, {
    async send(bench, message) {
      try {
        return await post(bench, message)
      } catch (error) {
        throw new Error(messageOf(error))
      }
    },
  }),
  broken('does not look at the signal', law.abort, {
    send: (bench, message) => post(bench, { ...message, signal: new AbortController().signal }),
  }),
  broken('does not hand the signal to its requests', law.abort, {
    async send(bench, message) {
      if (message.signal.aborted) throw new CertctlError('aborted', 'Interrupted before it began')
      await bench.http.request({ method: 'GET', path: '/status' })
      return await post(bench, message)
    },
  }),
  broken('looks its host up when it is created', law.create, {
    created: (host) => void host.resolve({ name: 'pager.example.test', type: 'A' }).catch(() => undefined),
  }),
  broken('accepts unknown fields', law.strict, { schema: z.object(configSchema.shape) }),
  broken('is called something else than its folder', law.slug, { type: 'Beeper' }),
]
