import type { z } from 'zod'
import type { Given, Operation, Operations } from './op.js'
import { apiError, errorOfAnswer } from './problem.js'

export interface WireRequest {
  method: string
  /** With its query, below the server's base URL. */
  path: string
  headers: Readonly<Record<string, string>>
  body?: string | undefined
  signal?: AbortSignal | undefined
}
/** Header names in lower case. */
export interface WireAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: string
}
/** Carries one request to the server and brings back its answer, whatever the status. */
export type Send = (request: WireRequest) => Promise<WireAnswer>

type Part<Name extends string, S> = S extends z.ZodType
  ? undefined extends z.input<S>
    ? { readonly [K in Name]?: z.input<S> | undefined }
    : { readonly [K in Name]: z.input<S> }
  : unknown

/** What a call takes: only the parts the operation has. */
export type CallOf<O extends Operation> = Part<'params', O['params']> &
  (O['query'] extends z.ZodType ? { readonly query?: Given<O['query']> | undefined } : unknown) &
  Part<'body', O['body']> & {
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly signal?: AbortSignal | undefined
  }

type GoodStatus = 200 | 201 | 202 | 204

/** The answer of a call that was not refused, by status. */
export type AnswerOf<O extends Operation> = {
  [S in keyof O['responses'] & GoodStatus]: {
    readonly status: S
    readonly headers: Readonly<Record<string, string>>
    readonly body: AnswerBody<O['responses'][S]>
  }
}[keyof O['responses'] & GoodStatus]

/** Text that a server may send in pieces arrives here whole. */
type AnswerBody<S> = S extends z.ZodType
  ? Exclude<z.output<S>, AsyncIterable<string> | AsyncIterable<Uint8Array>>
  : never

type CallArguments<O extends Operation> =
  Record<never, never> extends CallOf<O> ? [call?: CallOf<O>] : [call: CallOf<O>]

export type ClientOf<Ops extends Operations> = {
  readonly [Id in keyof Ops]: (...call: CallArguments<Ops[Id]>) => Promise<AnswerOf<Ops[Id]>>
}

interface AnyCall {
  readonly params?: Readonly<Record<string, unknown>> | undefined
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * One method per operation. A refusal throws an `ApiError` with the code of its problem document; an answer that is not
 * as the contract says throws `upstream_protocol`. Fields a newer server adds are passed on.
 */
export function createClient<Ops extends Operations>(operations: Ops, send: Send): ClientOf<Ops> {
  const methods = Object.values(operations).map((operation) => [
    operation.operationId,
    (call: AnyCall = {}) => request(operation, call, send),
  ])
  return Object.fromEntries(methods) as ClientOf<Ops>
}

async function request(operation: Operation, call: AnyCall, send: Send) {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body)
  const answer = await send({
    method: operation.method,
    path: pathOf(operation, call),
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...call.headers,
    },
    body,
    signal: call.signal,
  })
  const what = `${operation.method} ${operation.path}`
  const schema = operation.responses[answer.status]
  if (answer.status >= 400 || schema === undefined) throw errorOfAnswer({ ...answer, what })
  return { status: answer.status, headers: answer.headers, body: readBody(answer, schema, what) }
}

function pathOf({ path }: Operation, { params = {}, query = {} }: AnyCall): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))
  const search = new URLSearchParams()
  for (const [name, given] of Object.entries(query))
    for (const value of [given].flat()) if (value !== undefined) search.append(name, String(value))
  return search.size === 0 ? filled : `${filled}?${search}`
}

function readBody({ status, headers, body }: WireAnswer, schema: z.ZodType, what: string): unknown {
  const value = status === 204 ? undefined : parse(body, headers['content-type'] ?? '', what)
  const checked = schema.safeParse(value)
  if (checked.success) return value
  const fault = checked.error.issues[0]
  throw apiError(
    'upstream_protocol',
    `${what} was answered with something else than the contract says: ${fault?.path.join('.')} ${fault?.message}`,
    {
      status,
      cause: checked.error,
    },
  )
}

function parse(body: string, contentType: string, what: string): unknown {
  if (!/[/+]json\b/.test(contentType)) return body
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw apiError('upstream_protocol', `${what} was answered with something that is not JSON`, { status: 502, cause })
  }
}
