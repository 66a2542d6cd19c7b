import { z } from 'zod'
import { op } from './op.js'
import { permissions, roles } from './permission.js'
import { timeSchema } from './scalars.js'

export const authOperations = {
  getAuthInfo: op('getAuthInfo', 'GET /api/v1/auth/info', {
    summary: 'How callers prove who they are',
    permission: 'public',
    responses: { 200: z.object({ auth_type: z.enum(['api-key', 'none']), required: z.boolean() }) },
  }),
  checkAuth: op('checkAuth', 'GET /api/v1/auth/check', {
    summary: 'Who the caller is and what it may do',
    permission: 'auth.self',
    responses: {
      200: z.object({
        status: z.literal('authenticated'),
        user: z.string(),
        admin: z.boolean(),
        role: z.enum(roles),
        permissions: z.array(z.enum(permissions)),
        agent_id: z.string().optional(),
        expires_at: timeSchema.optional(),
      }),
    },
  }),
}
