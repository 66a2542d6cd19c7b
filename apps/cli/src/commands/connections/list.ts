import { z } from '@certctl/core'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'
import type { Connection, ConnectionNoun } from './noun.js'

export function listVerb<T extends Connection>(noun: ConnectionNoun<T>) {
  return defineVerb({
    name: 'list',
    summary: `Lists ${noun.plural}`,
    examples: [`certctl ${noun.plural} list`, `certctl ${noun.plural} list --type ${noun.example.type} --json`],
    options: { '--type <type>': 'Only those of this connector type', ...pageOptions },
    given: z.object({ type: z.string().optional(), ...pageGiven }),
    run: async ({ type, ...paging }, cli) => {
      const body = await readPages(paging, (page) => noun.list(cli.client(), { type, ...page }))
      cli.list(body, {
        columns: noun.columns,
        none: `No ${noun.plural} yet; add one with: certctl ${noun.plural} create --help`,
      })
    },
  })
}
