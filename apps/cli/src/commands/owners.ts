import { type Owner, operations } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import { textOption } from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const noun: PlainNoun<Owner> = {
  plural: 'owners',
  singular: 'owner',
  aSingular: 'an owner',
  example: {
    id: 'o-ada',
    create: '--id o-ada --email ada@example.com --team t-web',
    change: '--email ada.l@example.com',
  },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'E-MAIL', value: ({ email }) => email },
    { title: 'TEAM', value: ({ team_id }) => team_id },
  ],
  options: [
    textOption('--email <address>', { field: 'email', says: 'Where alerts about their certificates go' }),
    textOption('--team <id>', { field: 'team_id', says: 'Team of their certificates where those name none' }),
  ],
  list: (client, query) => client.listOwners({ query }),
  get: (client, id) => client.getOwner({ params: { id } }),
  create: (client, given) => client.createOwner({ body: parseBody(operations.createOwner, given) }),
  update: (client, id, given) => client.updateOwner({ params: { id }, body: parseBody(operations.updateOwner, given) }),
  remove: (client, id) => client.deleteOwner({ params: { id } }),
}

export const ownerVerbs = plainVerbs(noun)
