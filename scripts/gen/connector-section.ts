import { type DefinitionsByKind, jsonSchemaOf } from '@certctl/core'
import type { AnyDefinition, ConnectorPackage, Field } from './connectors.js'
import { cell, optionsTable } from './options-table.js'

export const mark = '<!-- generated: pnpm gen -->'

/** A README with everything below the mark made anew. Throws where there is no mark. */
export function withSection(readme: string, connector: ConnectorPackage): string {
  const at = readme.indexOf(mark)
  if (at < 0)
    throw new Error(`${connector.folder}/README.md has no line ${mark}; put it where the options should stand`)
  return `${readme.slice(0, at)}${mark}\n\n${sectionOf(connector)}\n`
}

/** Options, environment and capabilities of every definition of a package. */
function sectionOf({ kind, definitions }: ConnectorPackage): string {
  const several = definitions.length > 1
  const parts = definitions.map((definition) => [
    ...(several ? [`## ${definition.displayName}`, ''] : []),
    ...headLines(definition),
    '',
    several ? '### Options' : '## Options',
    '',
    ...optionsTable(jsonSchemaOf(definition.configSchema) as Field, variablesOf(definition)),
    ...(kind === 'target'
      ? ['', 'Besides these, [what every target understands](../../docs/connectors.md#every-target).']
      : []),
    ...environmentLines(definition),
    '',
    several ? '### Capabilities' : '## Capabilities',
    '',
    ...capabilityLines(definition),
    ...commandLines(definition),
  ])
  return parts.map((lines) => lines.join('\n')).join('\n\n')
}

function headLines({ type, aliases = [] }: AnyDefinition): string[] {
  const also = aliases.length === 0 ? '' : `, also ${aliases.map((alias) => `\`${alias}\``).join(', ')}`
  return [`Type: \`${type}\`${also}.`]
}

function variablesOf({ environment = [] }: AnyDefinition): ReadonlyMap<string, readonly string[]> {
  const pairs = environment.flatMap(({ variables }) => Object.entries(variables))
  const fields = [...new Set(pairs.map(([field]) => field))]
  const namesOf = (field: string) => [...new Set(pairs.filter(([other]) => other === field).map(([, name]) => name))]
  return new Map(fields.map((field) => [field, namesOf(field)]))
}

function environmentLines({ environment = [] }: AnyDefinition): string[] {
  const lines = environment.map(({ id, name, when, defaults = {} }) => {
    const condition = when === undefined ? 'always' : `when \`${when}\` is set`
    const set = Object.entries(defaults).map(([field, value]) => `\`${field}\` = \`${JSON.stringify(value)}\``)
    return `- \`${id}\` (${name}): ${condition}${set.length === 0 ? '' : `, with ${set.join(', ')}`}`
  })
  return lines.length === 0 ? [] : ['', 'Instances made from the environment at start:', '', ...lines]
}

function capabilityLines({ capabilities }: AnyDefinition): string[] {
  const rows = Object.entries(capabilities).map(([name, value]) => `| ${name} | ${cell(capabilityText(value))} |`)
  return rows.length === 0
    ? ['None beyond what every connector of its kind can do.']
    : ['| | |', '| --- | --- |', ...rows]
}

function capabilityText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return String(value)
}

function commandLines(definition: AnyDefinition): string[] {
  const { proposedCommands = [] } = definition as Partial<DefinitionsByKind['target']>
  if (proposedCommands.length === 0) return []
  const list = proposedCommands.map((argv) => `- \`${argv.join(' ')}\``)
  return ['', "Commands an agent runs for it without being told so in the agent's policy:", '', ...list]
}
