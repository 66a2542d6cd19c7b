import { CertctlError, looseType, markKey, z } from '@certctl/core'
import { isObject } from '../../config-input.js'
import { tableText } from '../../output/table.js'
import { defineVerb } from '../../verb.js'
import { kinds } from './list.js'

export const connectorTypesShow = defineVerb({
  name: 'show',
  summary: 'Shows the settings of a connector type',
  examples: ['certctl connector-types show local', 'certctl connector-types show files --kind target'],
  arguments: { type: 'Type or another name of it' },
  options: { '--kind <kind>': `Where a name has two kinds: ${kinds.join(', ')}` },
  given: z.object({ type: z.string(), kind: z.enum(kinds, `must be one of ${kinds.join(', ')}`).optional() }),
  run: async ({ type, kind }, cli) => {
    const { body } = await cli.client().listConnectorTypes({ query: { kind } })
    const found = body.data.find((known) =>
      [known.type, ...known.aliases].some((name) => looseType(name) === looseType(type)),
    )
    if (found === undefined) throw new CertctlError('not_found', `There is no connector type "${type}" here`)
    cli.show(found, () =>
      tableText(
        [
          { title: 'SETTING', value: ({ name }) => name },
          { title: 'NEEDED', value: ({ needed }) => (needed ? 'yes' : 'no') },
          { title: 'DEFAULT', value: ({ preset }) => preset },
          { title: 'MEANS', value: ({ text }) => text },
        ],
        settingsOf(found.schema),
      ),
    )
  },
})

function settingsOf(schema: Record<string, unknown>) {
  const required = Array.isArray(schema.required) ? schema.required : []
  const properties = isObject(schema.properties) ? schema.properties : {}
  return Object.entries(properties).map(([name, field]) => {
    const { description, default: preset, ...rest } = isObject(field) ? field : {}
    const mark = rest[markKey] === 'secret' ? ' (secret)' : ''
    return {
      name,
      needed: required.includes(name),
      preset: preset === undefined ? undefined : JSON.stringify(preset),
      text: `${typeof description === 'string' ? description : ''}${mark}`,
    }
  })
}
