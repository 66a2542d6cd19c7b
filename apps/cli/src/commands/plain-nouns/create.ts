import { z } from '@certctl/core'
import { readJsonObject } from '../../config-input.js'
import { defineVerb } from '../../verb.js'
import { fieldsOf, givenOf, helpOf, textOption } from './field-option.js'
import type { Plain, PlainNoun } from './noun.js'
import { showPlain } from './show.js'

export function createVerb<T extends Plain>(noun: PlainNoun<T>) {
  const options = [
    textOption('--id <id>', { field: 'id', says: 'Id; the server makes one where not given' }),
    ...(noun.newOptions ?? []),
    ...noun.options,
  ]
  return defineVerb({
    name: 'create',
    aliases: ['add'],
    summary: `Adds ${noun.aSingular}`,
    examples: [
      `certctl ${noun.plural} create "${noun.example.id}" ${noun.example.create}`,
      `certctl ${noun.plural} create --file ${noun.singular.replaceAll(' ', '-')}.json`,
    ],
    arguments: { '[name]': 'Its name; no other one has it' },
    options: { ...helpOf(options), '--file <file>': 'JSON with all or part of it; - is standard input' },
    given: z.object({ name: z.string().optional(), file: z.string().optional(), ...givenOf(options) }),
    run: async ({ name, file, ...given }, cli) => {
      const fromFile = file === undefined ? {} : await readJsonObject(file, cli)
      const said = { ...fromFile, ...(name === undefined ? {} : { name }), ...fieldsOf(options, given) }
      const { body } = await noun.create(cli.client(), said)
      cli.say(`${noun.singular} ${body.id} is there`)
      showPlain(noun, body, cli)
    },
  })
}
