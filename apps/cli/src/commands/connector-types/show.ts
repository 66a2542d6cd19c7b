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

interface Setting {
  name: string
  needed: boolean
  preset: string | undefined
  text: string
}

/** Every setting with what is inside it: `post_deploy_verify.enabled`, `files[].path`. */
function settingsOf(schema: Record<string, unknown>, above = ''): Setting[] {
  const required = Array.isArray(schema.required) ? schema.required : []
  const properties = isObject(schema.properties) ? schema.properties : {}
  return Object.entries(properties).flatMap(([key, field]) => {
    if (!isObject(field)) return []
    const name = `${above}${key}`
    const inside = isObject(field.items) ? settingsOf(field.items, `${name}[].`) : settingsOf(field, `${name}.`)
    return [settingOf(name, field, required.includes(key)), ...inside]
  })
}

function settingOf(name: string, field: Record<string, unknown>, needed: boolean): Setting {
  const { description, default: preset } = field
  const isPlain = preset !== undefined && !isObject(preset)
  return {
    name,
    needed,
    preset: isPlain ? JSON.stringify(preset) : undefined,
    text: `${typeof description === 'string' ? description : ''}${field[markKey] === 'secret' ? ' (secret)' : ''}`,
  }
}
