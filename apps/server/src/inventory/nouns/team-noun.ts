import { createId } from '../../store/create-id.js'
import type { TeamRow } from '../../store/teams.js'
import type { PlainNoun } from './plain-noun.js'

export const teamNoun: PlainNoun<TeamRow> = {
  resource: 'team',
  words: { one: 'team', many: 'teams' },
  command: 'teams',
  table: (tables) => tables.teams,
  newId: (_name, now) => createId('t', now),
  json: [],
  referrers: [
    { table: 'certificates', column: 'team_id' },
    { table: 'owners', column: 'team_id' },
  ],
  wakes: false,
  check: async (_tx, { given }) => given,
}
