import { z } from 'zod'
import {
  connectionQuery,
  connectionReadOnly,
  connectionShape,
  connectionTestedSchema,
  createConnectionBody,
  updateConnectionBody,
} from './connections.js'
import { op } from './op.js'
import { pageOf } from './page.js'
import { emptySchema, idParams } from './scalars.js'

export const notifierSchema = z.object(connectionShape).meta({ id: 'Notifier' })
export type Notifier = z.output<typeof notifierSchema>

export const notifierOperations = {
  listNotifiers: op('listNotifiers', 'GET /api/v1/notifiers', {
    summary: 'Configured ways to tell people',
    permission: 'notifiers.read',
    query: connectionQuery,
    responses: { 200: pageOf(notifierSchema, 'Notifier') },
  }),
  createNotifier: op('createNotifier', 'POST /api/v1/notifiers', {
    summary: 'Adds one',
    permission: 'notifiers.write',
    body: createConnectionBody,
    ignores: connectionReadOnly,
    responses: { 201: notifierSchema },
  }),
  getNotifier: op('getNotifier', 'GET /api/v1/notifiers/{id}', {
    summary: 'One of them',
    permission: 'notifiers.read',
    params: idParams,
    responses: { 200: notifierSchema },
  }),
  updateNotifier: op('updateNotifier', 'PUT /api/v1/notifiers/{id}', {
    summary: 'Changes what is given; the rest stays',
    permission: 'notifiers.write',
    params: idParams,
    body: updateConnectionBody,
    ignores: ['id', ...connectionReadOnly],
    responses: { 200: notifierSchema },
  }),
  deleteNotifier: op('deleteNotifier', 'DELETE /api/v1/notifiers/{id}', {
    summary: 'Removes one that nothing uses',
    permission: 'notifiers.write',
    params: idParams,
    responses: { 204: emptySchema },
  }),
  testNotifier: op('testNotifier', 'POST /api/v1/notifiers/{id}/test', {
    summary: 'Tests credentials and reachability; changes nothing. 422 says why it failed',
    permission: 'notifiers.write',
    params: idParams,
    body: z.strictObject({}).prefault({}),
    responses: { 200: connectionTestedSchema },
  }),
}
