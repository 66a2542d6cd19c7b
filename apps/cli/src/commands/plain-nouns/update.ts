import { CertctlError, z } from '@certctl/core'
import { readJsonObject } from '../../config-input.js'
import { defineVerb } from '../../verb.js'
import { fieldsOf, givenOf, helpOf, textOption } from './field-option.js'
import type { Plain, PlainNoun } from './noun.js'
import { showPlain } from './show.js'

export function updateVerb<T extends Plain>(noun: PlainNoun<T>) {
  const { id, change } = noun.example
  const options = [textOption('--name <name>', { field: 'name', says: 'New name' }), ...noun.options]
  const clearable = noun.options.map(({ field }) => field)
  return defineVerb({
    name: 'update',
    summary: `Changes what is given of ${noun.aSingular}; the rest stays`,
    examples: [
      `certctl ${noun.plural} update ${id} ${change}`,
      `certctl ${noun.plural} update ${id} --clear ${clearable[0]}`,
    ],
    arguments: { id: `Id of the ${noun.singular}` },
    options: {
      ...helpOf(options),
      '--file <file>': 'JSON with fields to change; - is standard input',
      '--clear <field>...': 'Back to its default',
    },
    given: z.object({
      id: z.string(),
      file: z.string().optional(),
      clear: z.array(z.enum(clearable, { error: `must be one of ${clearable.join(', ')}` })).default([]),
      ...givenOf(options),
    }),
    run: async ({ id, file, clear, ...given }, cli) => {
      const fromFile = file === undefined ? {} : await readJsonObject(file, cli)
      const cleared = Object.fromEntries(clear.map((field) => [field, null]))
      const said = { ...fromFile, ...cleared, ...fieldsOf(options, given) }
      if (Object.keys(said).length === 0)
        throw new CertctlError('request_malformed', 'Nothing to change; give an option, --file or --clear')
      showPlain(noun, (await noun.update(cli.client(), id, said)).body, cli)
    },
  })
}
