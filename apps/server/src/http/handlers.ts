import type { HandlersOf, operations, RawRequest } from '@certctl/api'
import type { Principal } from '../access/principal.js'

/** A request as handlers see it: what the binder needs, and what the edge knows besides. */
export interface HttpRequest extends RawRequest {
  /** Made here for each request; what a client sends under this name is ignored. */
  readonly requestId: string
  /** Where it came from, behind trusted proxies. */
  readonly address: string
  readonly principal: Principal
}

type AllHandlers = HandlersOf<typeof operations, Principal, HttpRequest>
export type OperationId = keyof typeof operations

/** What a file of `routes/` returns: the handlers of these operations. */
export type Handlers<Id extends OperationId> = Pick<AllHandlers, Id>
