import { z } from '@certctl/core'
import { createTestHost, type DnsWorld, type HttpAnswer, type SeenRequest } from '../../src/index.js'

export const zonesConfig = { token: 'zone-token-of-28-characters-' }

const recordSchema = z.strictObject({
  ttl: z.int().min(1),
  values: z.array(z.array(z.string().max(255)).min(1)).min(1),
})

interface RecordSet {
  values: readonly (readonly string[])[]
  version: number
}

/**
 * A service that keeps whole TXT record sets, with versions, under names relative to their zone. It refuses strangers, sets that somebody
 * else has changed in between, values that are there twice, and character strings of more than 255 characters.
 */
export function fakeZones(): DnsWorld {
  const zones = new Map(
    ['example.test', 'child.example.test', 'other.test'].map((name) => [name, new Map<string, RecordSet>()]),
  )
  let version = 0

  const store = (records: Map<string, RecordSet>, name: string, values: RecordSet['values']): void => {
    version += 1
    records.set(name, { values, version })
  }

  const change = (request: SeenRequest, records: Map<string, RecordSet>, name: string): HttpAnswer => {
    const found = records.get(name)
    const expected = request.headers['if-match']
    if (request.headers['if-none-match'] === '*' && found !== undefined) return { status: 412 }
    if (expected !== undefined && expected !== String(found?.version)) return { status: 412 }
    if (request.method === 'DELETE') {
      if (!records.delete(name)) return { status: 404 }
      return { status: 200, json: { deleted: true } }
    }
    const asked = recordSchema.safeParse(request.json())
    if (!asked.success) return { status: 400, json: { detail: 'not a record set' } }
    const { values } = asked.data
    if (new Set(values.map((strings) => strings.join(''))).size !== values.length) return { status: 400 }
    store(records, name, values)
    return { status: 200, json: { version } }
  }

  const answer = (request: SeenRequest): HttpAnswer => {
    if (request.headers.authorization !== `Bearer ${zonesConfig.token}`)
      return { status: 401, json: { detail: 'who?' } }
    if (request.path === '/zones') return { status: 200, json: { zones: ['example.test', 'child.example.test'] } }
    const [, , zone = '', , name = ''] = request.path.split('/').map(decodeURIComponent)
    const records = zones.get(zone)
    if (records === undefined || zone === 'other.test') return { status: 404, json: { detail: 'no such zone' } }
    if (request.method !== 'GET') return change(request, records, name)
    const found = records.get(name)
    return found === undefined
      ? { status: 404, json: { detail: 'no such record' } }
      : { status: 200, json: { version: found.version, values: found.values } }
  }

  const placeOf = (name: string) => {
    const zone = ['child.example.test', 'example.test', 'other.test'].find((z) => name === z || name.endsWith(`.${z}`))
    return { records: zones.get(zone ?? ''), relative: name === zone ? '@' : name.slice(0, -`.${zone}`.length) }
  }
  return {
    host: createTestHost({ http: answer }),
    values(name) {
      const { records, relative } = placeOf(name)
      return (records?.get(relative)?.values ?? []).map((strings) => strings.join(''))
    },
    plant(name, values) {
      const { records, relative } = placeOf(name)
      const there = records?.get(relative)?.values ?? []
      if (records !== undefined)
        store(records, relative, [...there, ...values.map((value) => value.match(/.{1,255}/g) ?? [''])])
    },
    names: () =>
      [...zones].flatMap(([zone, records]) =>
        [...records.keys()].map((name) => (name === '@' ? zone : `${name}.${zone}`)),
      ),
  }
}
