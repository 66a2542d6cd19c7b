import type { z } from 'zod'
import { op } from './op.js'
import { pageOf } from './page.js'
import type { Permission } from './permission.js'
import { emptySchema, idParams } from './scalars.js'

export interface Noun<Singular extends string, Plural extends string> {
  /** As in `createOwner`; the schema's name in OpenAPI as well. */
  singular: Singular
  /** As in `listOwners`. */
  plural: Plural
  path: `/${string}`
  /** What they are. */
  summary: string
  read: Permission
  write: Permission
  /** Fields that clients send back from what they read, though nobody can set them. */
  readOnly: readonly string[]
}

/** The five operations that nouns have alike, under their own operation ids and with their own schemas. */
export function crudOperations<
  const Singular extends string,
  const Plural extends string,
  Item extends z.ZodType,
  Query extends z.ZodObject,
  Create extends z.ZodType,
  Update extends z.ZodType,
>(
  { singular, plural, path, summary, read, write, readOnly }: Noun<Singular, Plural>,
  { item, query, create, update }: { item: Item; query: Query; create: Create; update: Update },
) {
  const made = {
    list: op(`list${plural}`, `GET ${path}`, {
      summary,
      permission: read,
      query,
      responses: { 200: pageOf(item, singular) },
    }),
    create: op(`create${singular}`, `POST ${path}`, {
      summary: 'Adds one',
      permission: write,
      body: create,
      ignores: readOnly,
      responses: { 201: item },
    }),
    get: op(`get${singular}`, `GET ${path}/{id}`, {
      summary: 'One of them',
      permission: read,
      params: idParams,
      responses: { 200: item },
    }),
    update: op(`update${singular}`, `PUT ${path}/{id}`, {
      summary: 'Changes what is given; the rest stays',
      permission: write,
      params: idParams,
      body: update,
      ignores: ['id', ...readOnly],
      responses: { 200: item },
    }),
    remove: op(`delete${singular}`, `DELETE ${path}/{id}`, {
      summary: 'Removes one that nothing uses',
      permission: write,
      params: idParams,
      responses: { 204: emptySchema },
    }),
  }
  return {
    [`list${plural}`]: made.list,
    [`create${singular}`]: made.create,
    [`get${singular}`]: made.get,
    [`update${singular}`]: made.update,
    [`delete${singular}`]: made.remove,
  } as Record<`list${Plural}`, typeof made.list> &
    Record<`create${Singular}`, typeof made.create> &
    Record<`get${Singular}`, typeof made.get> &
    Record<`update${Singular}`, typeof made.update> &
    Record<`delete${Singular}`, typeof made.remove>
}
