import type { IncomingMessage } from 'node:http'
import { apiError, type RawReply } from '@certctl/api'

export type Once = ReturnType<typeof createOnce>

/** Answers by `Idempotency-Key`, as the server keeps them: what was begun under one is never done again. */
export function createOnce() {
  const begun = new Map<string, { what: string; reply?: RawReply }>()
  return {
    begun,
    async answer(request: IncomingMessage, body: string, make: () => Promise<RawReply>): Promise<RawReply> {
      const key = keyOf(request)
      if (key === undefined) return await make()
      const what = `${request.method} ${request.url} ${body}`
      const before = begun.get(key)
      if (before !== undefined && before.what !== what) throw conflict('was used for another request; take a new one')
      if (before !== undefined) return before.reply ?? underWay()
      begun.set(key, { what })
      try {
        const reply = await make()
        begun.set(key, { what, reply })
        return reply
      } catch (error) {
        begun.delete(key)
        throw error
      }
    },
    /** A server that is killed keeps no answer, and the key stays taken. */
    forgetAnswer(request: IncomingMessage) {
      const key = keyOf(request) ?? ''
      const { what } = begun.get(key) ?? {}
      if (what !== undefined) begun.set(key, { what })
    },
  }
}

function keyOf({ method, headers }: IncomingMessage): string | undefined {
  const key = headers['idempotency-key']
  return method === 'POST' && typeof key === 'string' ? key : undefined
}

function underWay(): never {
  throw conflict('is that of a request that is still under way; ask again')
}

const conflict = (text: string) => apiError('conflict', `This Idempotency-Key ${text}`, { status: 409 })
