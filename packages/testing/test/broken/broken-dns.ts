import { CertctlError, type DefinitionsByKind, messageOf, z } from '@certctl/core'
import { createTestRecord } from '../../src/index.js'
import {
  configSchema,
  join,
  type Parts,
  placeOf,
  read,
  sound,
  splitValue,
  write,
  zoneProvider,
} from './zone-provider.js'

export interface BrokenDns {
  /** What is wrong with it. */
  name: string
  /** The law that catches it. */
  caughtBy: string
  definition: DefinitionsByKind['dns']
}

const law = {
  slug: 'its type or an alias is the slug of its folder, and every field says what it is for',
  strict: 'it accepts its own configuration and refuses a field it does not know',
  create: 'creating it touches nothing',
  second: 'a second value under one name leaves the first',
  twice: 'adding twice is adding once',
  own: 'it removes its own value and no other, and the last one with its record',
  missing: 'removing what is not there is no error and removes nothing',
  foreign: 'TXT records of others survive as they were',
  long: 'a value longer than a character string is kept whole',
  concurrent: 'values added and removed at the same time under one name are all added and all removed',
  offers: 'it offers what the contract knows, and testing changes nothing',
  deepest: 'a name is absolute and belongs to the deepest zone that holds it',
  given: 'the name is the one it is given, whatever the domain is called',
  spelling: 'a final dot and capital letters make no other name',
  noZone: 'a name of no zone it may change is refused by name, and changes nothing',
  added: 'added is only reported when the zone has the value, whichever step fails, and the next attempt adds it once',
  removed: 'removed is only reported when the value is gone, whichever step fails, and the next attempt removes it',
  failing: 'a failing service is an error that says whether to try again, and when',
  garbage: 'an answer that means nothing, or leads elsewhere, is no success',
  secret: 'secrets stay out of logs, errors, results and command lines',
  fired: 'a signal that has fired ends the call before anything is changed',
  signal: 'whatever may take long is handed the signal',
} as const

function broken(name: string, caughtBy: string, parts: Partial<Parts>): BrokenDns {
  return { name, caughtBy, definition: zoneProvider(parts) }
}

const never = new AbortController().signal
const hasSuffix = (zones: readonly string[], name: string) => zones.filter((zone) => name.endsWith(zone))

export const brokenDns: readonly BrokenDns[] = [
  broken('replaces the record set by its own value', law.second, { added: (_, value) => [[value]] }),
  broken('does not look whether its value is there', law.twice, {
    added: (values, value) => [...values, splitValue(value)],
  }),
  broken('deletes the whole record set', law.own, { removed: () => [] }),
  broken('remembers only in its own memory what it has added', law.own, {
    extra(bench) {
      const mine = new Set<string>()
      return {
        async present(record: Parameters<Parts['present']>[1]) {
          await sound.present(bench, record)
          mine.add(record.value)
        },
        async cleanUp(record: Parameters<Parts['present']>[1]) {
          if (mine.has(record.value)) await sound.cleanUp(bench, record)
        },
      }
    },
  }),
  broken('does not remove anything', law.own, { cleanUp: async () => undefined }),
  broken('fails when there is nothing to remove', law.missing, {
    async cleanUp(bench, record) {
      const { values } = await read(bench, await placeOf(bench, record), record.signal)
      if (!values.some((strings) => join(strings) === record.value))
        throw new CertctlError('not_found', `${record.name} has no such value`)
      await sound.cleanUp(bench, record)
    },
  }),
  broken('removes what begins like an answer to a challenge', law.foreign, {
    removed: (values, value) => values.filter((strings) => join(strings) !== value && join(strings).length < 100),
  }),
  broken('writes back the first character string of each value only', law.foreign, {
    added: (values, value) => [...values.map((strings) => strings.slice(0, 1)), splitValue(value)],
  }),
  broken('takes the quotes of others for its own', law.foreign, {
    added: (values, value) => [...values.map((strings) => [join(strings).replaceAll('"', '').slice(0, 255)]), [value]],
  }),
  broken('cuts a value at 255 characters', law.long, {
    added: (values, value) => sound.added(values, value.slice(0, 255)),
    removed: (values, value) => sound.removed(values, value.slice(0, 255)),
  }),
  broken('compares the first character string only', law.long, {
    added: (values, value) =>
      values.some(([first]) => first === value.slice(0, 255)) ? values : [...values, splitValue(value)],
  }),
  broken('does not look whether somebody else was faster', law.concurrent, { precondition: () => ({}) }),
  broken('gives up when somebody else was faster', law.concurrent, { tries: 1 }),
  broken('adds a record to see whether it may', law.offers, {
    extra: (bench) => ({
      async test() {
        await sound.present(bench, createTestRecord('certctl-test.example.test', 1))
        return { detail: 'a record was added' }
      },
    }),
  }),
  broken('offers what no contract knows', law.offers, { extra: () => ({ listZones: async () => [] }) }),
  broken('takes the first zone that fits', law.deepest, { zoneOf: (zones, name) => hasSuffix(zones, name)[0] }),
  broken('takes the last two labels for the zone', law.deepest, {
    zoneOf: (_, name) => name.split('.').slice(-2).join('.'),
  }),
  broken('writes the whole name into the zone', law.deepest, { relativeName: (name) => name }),
  broken('makes the name from the domain', law.given, {
    nameOf: ({ context }) => `_acme-challenge.${context.domain}`.toLowerCase(),
  }),
  broken('takes names as they are spelt', law.spelling, {
    nameOf: ({ name }) => name,
    zoneOf: (zones, name) => sound.zoneOf(zones, name.toLowerCase().replace(/\.$/, '')),
  }),
  broken('takes a name that ends with the letters of a zone', law.noZone, {
    zoneOf: (zones, name) => hasSuffix(zones, name).at(-1),
    relativeName: (name, zone) => name.slice(0, -zone.length).replace(/\.$/, ''),
  }),
  broken('is silent about a name of no zone', law.noZone, {
    async present(bench, record) {
      if (/example\.test\.?$/i.test(record.name)) await sound.present(bench, record)
    },
  }),
  broken('logs a failure and swallows it', law.added, {
    async present(bench, record) {
      try {
        await sound.present(bench, record)
      } catch (error) {
        bench.host.log.warn('not added', { error: messageOf(error) })
      }
    },
  }),
  broken('empties the record set before it fills it', law.added, {
    async present(bench, record) {
      const place = await placeOf(bench, record)
      const found = await read(bench, place, record.signal)
      await write(bench, place, { found, wanted: [], record })
      const wanted = sound.added(found.values, record.value)
      await write(bench, place, { found: { values: [] }, wanted, record })
    },
  }),
  broken('does not wait until the value is gone', law.removed, {
    async cleanUp(bench, record) {
      sound.cleanUp(bench, record).catch(() => undefined)
    },
  }),
  broken('throws errors without a code', law.removed, {
    async cleanUp(bench, record) {
      try {
        await sound.cleanUp(bench, record)
      } catch (error) {
        throw new Error(messageOf(error))
      }
    },
  }),
  broken('gives up at a 5xx', law.failing, {
    requireSuccess({ status, retryAfterSeconds }) {
      if (status === 429) throw new CertctlError('rate_limited', 'Slow down', { retryAfterSeconds })
      if (status !== 200) throw new CertctlError('upstream_rejected', `The zone service answered ${status}`)
    },
  }),
  broken('loses Retry-After', law.failing, {
    requireSuccess(response, bench) {
      if (response.status === 429) throw new CertctlError('rate_limited', 'Slow down')
      sound.requireSuccess(response, bench)
    },
  }),
  broken('takes every 200 for success', law.garbage, { requireWritten: () => undefined }),
  broken('takes a redirect for success', law.garbage, {
    requireSuccess(response, bench) {
      if (response.status >= 400) sound.requireSuccess(response, bench)
    },
    requireWritten: () => undefined,
  }),
  broken('shows its token in errors', law.secret, {
    async present(bench, record) {
      try {
        await sound.present(bench, record)
      } catch (cause) {
        throw new CertctlError('upstream_unavailable', `With ${bench.config.token.reveal()}: no`, { cause })
      }
    },
  }),
  broken('logs its headers', law.secret, {
    async present(bench, record) {
      bench.host.log.debug('adding', { headers: { authorization: `Bearer ${bench.config.token.reveal()}` } })
      await sound.present(bench, record)
    },
  }),
  broken('does not look at the signal', law.fired, {
    present: (bench, record) => sound.present(bench, { ...record, signal: never }),
  }),
  broken('does not hand the signal to its requests', law.signal, {
    async cleanUp(bench, record) {
      if (record.signal.aborted) throw new CertctlError('aborted', 'Interrupted before it began')
      await bench.http.request({ method: 'GET', path: '/zones' })
      await sound.cleanUp(bench, record)
    },
  }),
  broken('lists its zones when it is created', law.create, {
    created: ({ http }) => void http.request({ method: 'GET', path: '/zones' }).catch(() => undefined),
  }),
  broken('accepts unknown fields', law.strict, { schema: z.object(configSchema.shape) }),
  broken('is called something else than its folder', law.slug, { type: 'Regions' }),
]
