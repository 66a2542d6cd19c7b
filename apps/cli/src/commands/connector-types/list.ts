import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const kinds = ['issuer', 'target', 'notifier', 'discovery', 'dns'] as const

export const connectorTypesList = defineVerb({
  name: 'list',
  summary: 'Lists what can be configured here',
  examples: ['certctl connector-types list', 'certctl connector-types list --kind target'],
  options: { '--kind <kind>': `Only this kind: ${kinds.join(', ')}` },
  given: z.object({ kind: z.enum(kinds, `must be one of ${kinds.join(', ')}`).optional() }),
  run: async ({ kind }, cli) => {
    const { body } = await cli.client().listConnectorTypes({ query: { kind } })
    cli.list(body, {
      columns: [
        { title: 'KIND', value: (item) => item.kind },
        { title: 'TYPE', value: ({ type }) => type },
        { title: 'ALSO CALLED', value: ({ aliases }) => aliases.join(', ') },
        { title: 'WHERE', value: ({ where }) => where.join(', ') },
        { title: 'PACKAGE', value: (item) => `${item.package} ${item.version}` },
      ],
      none: 'No connectors; agents report theirs when they start',
    })
  },
})
