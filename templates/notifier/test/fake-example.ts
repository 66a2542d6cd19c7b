import { z } from '@certctl/core'
import { createTestHost, type HttpAnswer, type NotifierWorld, type SeenRequest, type Told } from '@certctl/testing'

/** The version of the product this model was compared with, and how. */
export const comparedWith: string | undefined = undefined

export const config = { url: 'https://api.example.net/v1', api_key: 'key-of-the-model' }

const messageSchema = z.strictObject({
  key: z.string().max(255),
  title: z.string().min(1).max(200).regex(/^[^\r\n]*$/),
  text: z.string(),
  priority: z.enum(['low', 'normal', 'high']),
})

/** A model of the service: it enforces its key, refuses what it cannot read, and folds messages with one key. */
export function fakeExample(): NotifierWorld {
  const told: Told[] = []
  const host = createTestHost({
    http(request: SeenRequest): HttpAnswer {
      if (request.headers.authorization !== `Bearer ${config.api_key}`) return { status: 401 }
      if (request.method === 'GET' && request.path === '/v1/me') return { status: 200, json: { name: 'model' } }
      if (request.method !== 'POST' || request.path !== '/v1/messages') return { status: 404 }
      const message = messageSchema.safeParse(request.json())
      if (!message.success) return { status: 422, json: { error: 'invalid' } }
      const { key: id, title, text } = message.data
      if (!told.some((other) => other.id === id)) told.push({ id, text: `${title}\n${text}` })
      return { status: 202, json: { key: id } }
    },
  })
  return { host, told: () => told }
}
