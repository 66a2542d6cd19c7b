import { jsonSchemaOf, targetSettingsSchema } from '@certctl/core'
import type { ConnectorPackage, Field } from './connectors.js'
import { cell, optionsTable } from './options-table.js'

const titles = {
  issuer: 'Issuers',
  target: 'Targets',
  notifier: 'Notifiers',
  discovery: 'Discovery sources',
  dns: 'DNS providers',
} as const

/** `docs/connectors.md`: what there is, and what every target understands. */
export function connectorsPage(connectors: readonly ConnectorPackage[]): string {
  const kinds = Object.entries(titles).map(([kind, title]) => ({
    title,
    connectors: connectors.filter((connector) => connector.kind === kind),
  }))
  const lists = kinds
    .filter((kind) => kind.connectors.length > 0)
    .flatMap((kind) => [
      `## ${kind.title}`,
      '',
      '| Type | Also | Package | What |',
      '| --- | --- | --- | --- |',
      ...kind.connectors.flatMap(rowsOf),
      '',
    ])
  const every = Object.entries((jsonSchemaOf(targetSettingsSchema) as Field).properties ?? {})
  return [
    '<!-- generated: pnpm gen. Do not edit. -->',
    '',
    '# Connectors',
    '',
    'Types are compared without case and punctuation. A package that is not listed here is used the same way: install it into the',
    'folder that `CERTCTL_CONNECTORS_DIR` names.',
    '',
    ...lists,
    '## Every target',
    '',
    'These settings stand beside the own ones of every target. The agent acts on them; a connector never sees them.',
    '',
    ...optionsTable(jsonSchemaOf(targetSettingsSchema) as Field),
    ...every.flatMap(([name, field]) => partsOf(name, field)),
    '',
  ].join('\n')
}

function rowsOf({ folder, name, description, definitions }: ConnectorPackage): string[] {
  return definitions.map(({ type, aliases = [] }) => {
    const also = aliases.map((alias) => `\`${alias}\``).join(', ')
    return `| \`${type}\` | ${also} | [${name}](../${folder}/README.md) | ${cell(description)} |`
  })
}

/** The fields of a setting that is an object, or a list of objects. */
function partsOf(name: string, field: Field): string[] {
  const parts = field.properties === undefined ? field.items : field
  if (parts?.properties === undefined) return []
  return ['', `### \`${name}\``, '', ...optionsTable(parts)]
}
