import { z } from 'zod'
import { op } from './op.js'
import { jsonObjectSchema, textBody } from './scalars.js'

export const healthOperations = {
  getHealth: op('getHealth', 'GET /health', {
    summary: 'Whether the process lives',
    permission: 'public',
    responses: { 200: z.object({ status: z.literal('healthy') }) },
  }),
  getReady: op('getReady', 'GET /ready', {
    summary: 'Whether the server can work: its database answers, with secrets it can seal',
    permission: 'public',
    responses: {
      200: z.object({ status: z.literal('ready'), db: z.enum(['reachable', 'not_configured']) }),
      503: z.object({ status: z.enum(['db_unavailable', 'stopping', 'encryption_key']), error: z.string() }),
    },
  }),
  getVersion: op('getVersion', 'GET /api/v1/version', {
    summary: 'Which version runs',
    permission: 'public',
    responses: {
      200: z.object({
        version: z.string(),
        commit: z.string(),
        modified: z.boolean(),
        build_time: z.string(),
        go_version: z.string().describe('Version of the runtime, under the name older clients read.'),
      }),
    },
  }),
  getOpenApi: op('getOpenApi', 'GET /openapi.json', {
    summary: 'This interface as OpenAPI 3.1',
    permission: 'public',
    responses: { 200: jsonObjectSchema },
  }),
  getDocs: op('getDocs', 'GET /docs', {
    summary: 'This interface for people, on one page',
    permission: 'public',
    responses: { 200: textBody('text/html; charset=utf-8') },
  }),
}
