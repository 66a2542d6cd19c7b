import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import { changedNounShape, newNounShape, nounQuery, nounReadOnly, nounShape, nullish } from './plain-noun.js'
import { idSchema } from './scalars.js'

export const ownerSchema = z
  .object({ ...nounShape, email: z.string(), team_id: z.string().optional() })
  .meta({ id: 'Owner' })
export type Owner = z.output<typeof ownerSchema>

const fields = nullish({
  email: z
    .string()
    .trim()
    .max(254, 'must not be longer than 254 characters')
    .refine((text) => text === '' || z.email().safeParse(text).success, {
      message: 'must be an e-mail address such as ada@example.com',
    })
    .describe('Where alerts about their certificates go.'),
  team_id: idSchema.describe('Certificates of this owner belong to this team where they name none.'),
})

export const ownerOperations = crudOperations(
  {
    singular: 'Owner',
    plural: 'Owners',
    path: '/api/v1/owners',
    summary: 'People and groups that answer for certificates',
    read: 'owners.read',
    write: 'owners.write',
    readOnly: nounReadOnly,
  },
  {
    item: ownerSchema,
    query: nounQuery,
    create: z.strictObject({ ...newNounShape, ...fields }),
    update: z.strictObject({ ...changedNounShape, ...fields }),
  },
)
