import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import type { Plain, PlainNoun } from './noun.js'

export function deleteVerb<T extends Plain>(noun: PlainNoun<T>) {
  return defineVerb({
    name: 'delete',
    summary: `Removes ${noun.aSingular} that nothing uses`,
    examples: [`certctl ${noun.plural} delete ${noun.example.id}`],
    arguments: { id: `Id of the ${noun.singular}` },
    given: z.object({ id: z.string() }),
    run: async ({ id }, cli) => {
      await noun.remove(cli.client(), id)
      if (cli.json) cli.show({ status: 'deleted', id }, () => '')
      cli.say(`${noun.singular} ${id} is removed`)
    },
  })
}
