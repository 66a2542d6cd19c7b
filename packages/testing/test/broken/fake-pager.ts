import { z } from '@certctl/core'
import { createTestHost, type HttpAnswer, type NotifierWorld, type SeenRequest, type Told } from '../../src/index.js'

export const pagerConfig = {
  url: 'https://pager.example.test/v2/T0P5ECRETPATH',
  routing_key: 'routing-key-of-32-characters-abcd',
}

const eventSchema = z.strictObject({
  routing_key: z.string(),
  dedup_key: z.string().optional(),
  summary: z.string().min(1).max(1024),
})

/** A paging service that folds events with one key into one alert, and refuses strangers, other paths and what it cannot read. */
export function fakePager(): NotifierWorld {
  const told: Told[] = []
  const host = createTestHost({
    http(request: SeenRequest): HttpAnswer {
      if (request.path === '/v2/T0P5ECRETPATH/status') return { status: 200, json: { ok: true } }
      if (request.path !== '/v2/T0P5ECRETPATH/enqueue') return { status: 404 }
      if (request.method !== 'POST') return { status: 405 }
      const event = eventSchema.safeParse(request.json())
      if (!event.success || event.data.routing_key !== pagerConfig.routing_key)
        return { status: 400, json: { status: 'invalid event' } }
      const { dedup_key: id, summary: text } = event.data
      if (id === undefined || !told.some((other) => other.id === id)) told.push({ id, text })
      return { status: 202, json: { status: 'success', dedup_key: id ?? 'made up' } }
    },
  })
  return { host, told: () => told }
}
