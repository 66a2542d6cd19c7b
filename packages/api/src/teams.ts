import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import { changedNounShape, newNounShape, nounQuery, nounReadOnly, nounShape, nullish } from './plain-noun.js'
import { textSchema } from './scalars.js'

export const teamSchema = z.object({ ...nounShape, description: z.string() }).meta({ id: 'Team' })
export type Team = z.output<typeof teamSchema>

const fields = nullish({ description: textSchema })

export const teamOperations = crudOperations(
  {
    singular: 'Team',
    plural: 'Teams',
    path: '/api/v1/teams',
    summary: 'Teams that own certificates',
    read: 'owners.read',
    write: 'owners.write',
    readOnly: nounReadOnly,
  },
  {
    item: teamSchema,
    query: nounQuery,
    create: z.strictObject({ ...newNounShape, ...fields }),
    update: z.strictObject({ ...changedNounShape, ...fields }),
  },
)
