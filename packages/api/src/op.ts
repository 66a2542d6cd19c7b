import type { z } from 'zod'
import type { Permission } from './permission.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** One route of the wire: what is asked, what is answered and who may ask. */
export interface Operation {
  readonly operationId: string
  readonly method: Method
  /** Parameters in braces: `/api/v1/certificates/{id}`. */
  readonly path: `/${string}`
  readonly summary: string
  readonly permission: Permission
  /** An agent may call it too, for what is its own: where the path says `/agents/{id}`, that id; elsewhere the handler compares. */
  readonly agent?: 'own' | undefined
  readonly params?: z.ZodObject | undefined
  readonly query?: z.ZodObject | undefined
  /** A body whose schema accepts `undefined` may be left out. */
  readonly body?: z.ZodType | undefined
  /** Fields that old clients are known to send in vain: dropped before the body is parsed. */
  readonly ignores?: readonly string[] | undefined
  /** Answers by status. Problems (4xx, 5xx) are implied and listed only where they carry more than a problem document. */
  readonly responses: Readonly<Record<number, z.ZodType>>
}
export type Operations = Readonly<Record<string, Operation>>

/** Declares one route, `op('getIssuer', 'GET /api/v1/issuers/{id}', …)`; keeps every type as written. */
export function op<const O extends Omit<Operation, Place>>(
  operationId: string,
  where: `${Method} /${string}`,
  operation: O,
): O & Pick<Operation, Place> {
  const [method, path] = where.split(' ') as [Method, `/${string}`]
  return { ...operation, operationId, method, path }
}
type Place = 'operationId' | 'method' | 'path'

/** What a handler receives: parsed, defaults filled in. */
export type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined

/** What a caller gives: as it goes over the wire, defaults left out. */
export type Given<S> = S extends z.ZodType ? z.input<S> : undefined

/** Where a route is registered in Express form: `/api/v1/certificates/:id`. */
export function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1')
}
