import { z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'
import { defineVerb } from '../../verb.js'
import type { Connection, ConnectionNoun } from './noun.js'

export function showVerb<T extends Connection>(noun: ConnectionNoun<T>) {
  return defineVerb({
    name: 'show',
    aliases: ['get'],
    summary: `Shows one ${noun.singular} and its configuration; secrets stay hidden`,
    examples: [`certctl ${noun.plural} show ${noun.example.id}`],
    arguments: { id: `Id of the ${noun.singular}` },
    given: z.object({ id: z.string() }),
    run: async ({ id }, cli) => {
      const { body } = await noun.get(cli.client(), id)
      showConnection(noun, body, cli)
    },
  })
}

export function showConnection<T extends Connection>(noun: ConnectionNoun<T>, item: T, cli: Cli): void {
  const now = cli.io.now()
  cli.show(item, () =>
    fieldsText([
      ['id', item.id],
      ['name', item.name],
      ['type', item.type],
      ['enabled', item.enabled],
      ...noun.fields(item),
      ['tested', testedText(item, now)],
      ['source', item.source],
      ['created', timeText(item.created_at, now)],
      ['updated', timeText(item.updated_at, now)],
      ...Object.entries(item.config).map(
        ([name, value]) => [`config.${name}`, typeof value === 'string' ? value : JSON.stringify(value)] as const,
      ),
    ]),
  )
}

function testedText({ test_status, last_tested_at }: Connection, now: Date): string {
  const at = timeText(last_tested_at, now)
  return at === undefined ? test_status : `${test_status}, ${at}`
}
