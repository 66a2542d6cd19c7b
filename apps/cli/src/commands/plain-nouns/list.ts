import { z } from '@certctl/core'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'
import type { Plain, PlainNoun } from './noun.js'

export function listVerb<T extends Plain>(noun: PlainNoun<T>) {
  return defineVerb({
    name: 'list',
    summary: `Lists ${noun.plural.replaceAll('-', ' ')}`,
    examples: [`certctl ${noun.plural} list`, `certctl ${noun.plural} list --all --json`],
    options: pageOptions,
    given: z.object(pageGiven),
    run: async (paging, cli) => {
      const body = await readPages(paging, (page) => noun.list(cli.client(), page))
      cli.list(body, {
        columns: noun.columns,
        none: `No ${noun.plural.replaceAll('-', ' ')} yet; add one with: certctl ${noun.plural} create --help`,
      })
    },
  })
}
