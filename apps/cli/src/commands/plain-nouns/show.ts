import { z } from '@certctl/core'
import type { Cli } from '../../cli.js'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'
import { defineVerb } from '../../verb.js'
import type { Plain, PlainNoun } from './noun.js'

export function showVerb<T extends Plain>(noun: PlainNoun<T>) {
  return defineVerb({
    name: 'show',
    aliases: ['get'],
    summary: `Shows one ${noun.singular}`,
    examples: [`certctl ${noun.plural} show ${noun.example.id}`],
    arguments: { id: `Id of the ${noun.singular}` },
    given: z.object({ id: z.string() }),
    run: async ({ id }, cli) => showPlain(noun, (await noun.get(cli.client(), id)).body, cli),
  })
}

/** Every field that says something, under its name on the wire. */
export function showPlain<T extends Plain>(noun: PlainNoun<T>, item: T, cli: Cli): void {
  const now = cli.io.now()
  const { id, name, created_at, updated_at, ...fields } = item
  const words = noun.words?.(item) ?? {}
  cli.show(item, () =>
    fieldsText([
      ['id', id],
      ['name', name],
      ...Object.entries(fields).map(([field, value]) => [field, words[field] ?? textOf(value)] as const),
      ['created', timeText(created_at, now)],
      ['updated', timeText(updated_at, now)],
    ]),
  )
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${textOf(inner)}`)
    .join('; ')
}
