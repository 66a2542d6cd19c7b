import { operations, type Team } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import { textOption } from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const noun: PlainNoun<Team> = {
  plural: 'teams',
  singular: 'team',
  aSingular: 'a team',
  example: {
    id: 't-web',
    create: '--id t-web --description "Runs the web servers"',
    change: '--description "Runs web and mail"',
  },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'DESCRIPTION', value: ({ description }) => description },
  ],
  options: [textOption('--description <text>', { field: 'description', says: 'What it is for' })],
  list: (client, query) => client.listTeams({ query }),
  get: (client, id) => client.getTeam({ params: { id } }),
  create: (client, given) => client.createTeam({ body: parseBody(operations.createTeam, given) }),
  update: (client, id, given) => client.updateTeam({ params: { id }, body: parseBody(operations.updateTeam, given) }),
  remove: (client, id) => client.deleteTeam({ params: { id } }),
}

export const teamVerbs = plainVerbs(noun)
