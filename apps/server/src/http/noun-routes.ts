import { reply } from '@certctl/api'
import type { z } from '@certctl/core'
import { actorOf, type Principal } from '../access/principal.js'
import { createNoun } from '../inventory/nouns/create-noun.js'
import { deleteNoun } from '../inventory/nouns/delete-noun.js'
import { getNoun, listNouns } from '../inventory/nouns/list-nouns.js'
import { nounView } from '../inventory/nouns/noun-view.js'
import type { PlainNoun } from '../inventory/nouns/plain-noun.js'
import { updateNoun } from '../inventory/nouns/update-noun.js'
import type { Services } from '../services.js'
import type { NounRow } from '../store/noun-table.js'
import { matchCheck } from './etag.js'
import type { HttpRequest, OperationId } from './handlers.js'
import { listingOf } from './page.js'

interface Asked {
  principal: Principal
  raw: HttpRequest
}
interface AskedOne extends Asked {
  params: { id: string }
}
type Query = Parameters<typeof listingOf>[2]

/** The five handlers that plain nouns have alike; `schema` is what they look like on the wire. */
export function nounRoutes<Row extends NounRow, S extends z.ZodObject>(
  services: Services,
  { noun, schema, list }: { noun: PlainNoun<Row>; schema: S; list: OperationId },
) {
  const viewOf = (row: Row) => nounView(schema, row)
  return {
    list: async ({ query }: { query: Query }) => {
      const { request, envelope } = listingOf(services.sealing, list, query)
      return reply(200, envelope(await listNouns(services, noun, request), viewOf))
    },
    create: async ({ body, principal }: Asked & { body: { id?: string | undefined; name: string } }) => {
      const { id, name, ...fields } = body
      return reply(201, viewOf(await createNoun(services, noun, { id, name, fields, actor: actorOf(principal) })))
    },
    get: async ({ params }: AskedOne) => reply(200, viewOf(await getNoun(services, noun, params.id))),
    update: async ({ params, body, principal, raw }: AskedOne & { body: { name?: string | undefined } }) => {
      const { name, ...fields } = body
      const matches = matchCheck(raw)
      const match = (row: Row): void => matches(viewOf(row))
      const changes = { id: params.id, name, fields, actor: actorOf(principal), match }
      return reply(200, viewOf(await updateNoun(services, noun, changes)))
    },
    remove: async ({ params, principal }: AskedOne) => {
      await deleteNoun(services, noun, { id: params.id, actor: actorOf(principal) })
      return reply(204, undefined)
    },
  }
}
