import type { z } from 'zod'
import { expressPath, type Method, type Operation, type Operations, type Parsed } from './op.js'
import { apiError, type FieldFault, faultsOf, problemMediaType } from './problem.js'
import { replyFaults } from './reply-faults.js'
import { isAsyncIterable, mediaTypeKey } from './scalars.js'

/** A request as the web server has it: parameters from the path, query as parsed, body as JSON value (absent: undefined). */
export interface RawRequest {
  readonly params: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly signal: AbortSignal
}
/** What to send. `body` is text, whole or in pieces, or octets in pieces; absent: no body. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | AsyncIterable<string | Uint8Array> | undefined
}

/** What a handler gets: everything parsed, and who asks. */
export interface HandlerRequest<O extends Operation, Principal, R extends RawRequest = RawRequest> {
  readonly params: Parsed<O['params']>
  readonly query: Parsed<O['query']>
  readonly body: Parsed<O['body']>
  readonly principal: Principal
  readonly signal: AbortSignal
  readonly raw: R
}

/** What a handler answers: `reply(200, body)` with the body of that status, or `replyJson(200, text)` with JSON that somebody else made. */
export type ReplyOf<O extends Operation> = {
  [S in keyof O['responses']]: O['responses'][S] extends z.ZodType
    ? Reply<S, z.input<O['responses'][S]>> | JsonReply<S>
    : never
}[keyof O['responses']]

export interface Reply<S, B> {
  readonly status: S
  readonly body: B
  readonly headers?: Readonly<Record<string, string>> | undefined
}
export interface JsonReply<S> {
  readonly status: S
  readonly json: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export type HandlerOf<O extends Operation, Principal, R extends RawRequest = RawRequest> = (
  request: HandlerRequest<O, Principal, R>,
) => Promise<ReplyOf<O>>

/** One handler per operation, each typed by its contract. */
export type HandlersOf<Ops extends Operations, Principal, R extends RawRequest = RawRequest> = {
  readonly [Id in keyof Ops]: HandlerOf<Ops[Id], Principal, R>
}

export function reply<const S extends number, B>(
  status: S,
  body: B,
  headers?: Readonly<Record<string, string>>,
): Reply<S, B> {
  return { status, body, headers }
}

/** For bodies that are JSON text already, as the database makes them. Held to the contract by tests alone. */
export function replyJson<const S extends number>(
  status: S,
  json: string,
  headers?: Readonly<Record<string, string>>,
): JsonReply<S> {
  return { status, json, headers }
}

/** One route, ready to be registered. */
export interface Route<R extends RawRequest> {
  readonly operation: Operation
  readonly method: Method
  /** In Express form. */
  readonly path: string
  /** Parses, authorises, calls the handler and renders. Throws what the handler throws; a request that cannot be read throws `request_malformed` with every fault. */
  readonly handle: (request: R) => Promise<RawReply>
}

export interface Binding<Principal, R extends RawRequest> {
  route(route: Route<R>): void
  /** Who asks, or throws. Called before anything is parsed, so that strangers learn nothing from faults. */
  authorize(operation: Operation, request: R): Promise<Principal> | Principal
  /** In tests: an answer that is not as its schema says is a fault of ours and thrown. */
  checkReplies?: boolean | undefined
}

/** Registers every operation that has a handler, literal paths before parameters. */
export function bind<Ops extends Operations, Principal, R extends RawRequest = RawRequest>(
  operations: Ops,
  handlers: Partial<HandlersOf<Ops, Principal, R>>,
  binding: Binding<Principal, R>,
): void {
  const bound = Object.values(operations).filter((operation) => handlers[operation.operationId] !== undefined)
  for (const operation of bound.toSorted(byPath)) {
    const handler = handlers[operation.operationId] as unknown as AnyHandler<Principal, R>
    binding.route({
      operation,
      method: operation.method,
      path: expressPath(operation.path),
      async handle(raw) {
        const principal = await binding.authorize(operation, raw)
        const answer = await handler(new Handled(parseRequest(operation, raw), principal, raw))
        if (binding.checkReplies === true) checkReply(operation, answer)
        return render(operation, answer)
      },
    })
  }
}

type AnyReply = Reply<number, unknown> | JsonReply<number>
type AnyHandler<Principal, R extends RawRequest> = (request: Handled<Principal, R>) => Promise<AnyReply>

/** A request for its handler. A class, since object literals with a getter are slow to make and to collect. */
class Handled<Principal, R extends RawRequest> {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly principal: Principal
  readonly raw: R

  constructor({ params, query, body }: ReturnType<typeof parseRequest>, principal: Principal, raw: R) {
    this.params = params
    this.query = query
    this.body = body
    this.principal = principal
    this.raw = raw
  }

  /** Made only where somebody listens. */
  get signal(): AbortSignal {
    return this.raw.signal
  }
}

/** All faults of path, query and body at once. */
export function parseRequest(operation: Operation, raw: Pick<RawRequest, 'params' | 'query' | 'body'>) {
  const faults: FieldFault[] = []
  const take = (schema: z.ZodType | undefined, value: unknown, where: string): unknown => {
    if (schema === undefined) return undefined
    const parsed = schema.safeParse(value)
    if (parsed.success) return parsed.data
    faults.push(...faultsOf(parsed.error, where))
    return undefined
  }
  const params = take(operation.params, raw.params, '')
  const query = take(operation.query, raw.query, '')
  const body = take(operation.body, without(raw.body, operation.ignores ?? []), '')
  if (faults.length === 0) return { params, query, body }
  const message = faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ')
  throw apiError('request_malformed', message, { status: 400, errors: faults })
}

function without(body: unknown, ignored: readonly string[]): unknown {
  if (ignored.length === 0 || typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([name]) => !ignored.includes(name)))
}

function checkReply(operation: Operation, answer: AnyReply): void {
  const schema = operation.responses[answer.status]
  const body: unknown = 'json' in answer ? JSON.parse(answer.json) : answer.body
  const faults = schema === undefined ? ['the status is not declared'] : replyFaults(schema, body)
  if (faults.length > 0)
    throw apiError(
      'internal',
      `${operation.operationId} answered ${answer.status} against its contract: ${faults.join('; ')}`,
      { status: 500 },
    )
}

function render(operation: Operation, answer: AnyReply): RawReply {
  const { status, headers = {} } = answer
  if ('json' in answer) return { status, headers: { 'content-type': jsonType(status), ...headers }, body: answer.json }
  const { body } = answer
  if (body === undefined) return { status, headers }
  const isWritten = typeof body === 'string' || isAsyncIterable(body)
  const mediaType = isWritten ? operation.responses[status]?.meta()?.[mediaTypeKey] : undefined
  if (isWritten && typeof mediaType === 'string')
    return { status, headers: { 'content-type': mediaType, ...headers }, body }
  if (isWritten && headers['content-type'] !== undefined) return { status, headers, body }
  return { status, headers: { 'content-type': jsonType(status), ...headers }, body: JSON.stringify(body) }
}

function jsonType(status: number): string {
  return status >= 400 && status !== 503 ? problemMediaType : 'application/json; charset=utf-8'
}

/** A literal step sorts before a parameter, so that `/agents/retired` is not taken for an id. */
function byPath(a: Operation, b: Operation): number {
  const key = (path: string) => path.replaceAll('{', '\u{10ffff}')
  return key(a.path) < key(b.path) ? -1 : 1
}
