import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'

export const apiKeysList = defineVerb({
  name: 'list',
  summary: 'Lists API keys, without their values',
  examples: ['certctl api-keys list'],
  options: pageOptions,
  given: z.object(pageGiven),
  run: async (paging, cli) => {
    const now = cli.io.now()
    const body = await readPages(paging, (page) => cli.client().listApiKeys({ query: page }))
    cli.list(body, {
      columns: [
        { title: 'ID', value: ({ id }) => id },
        { title: 'NAME', value: ({ name }) => name },
        { title: 'ROLE', value: ({ role }) => role },
        { title: 'OWNER', value: ({ owner }) => owner },
        { title: 'EXPIRES', value: ({ expires_at }) => timeText(expires_at, now) ?? 'never' },
        { title: 'USED', value: ({ last_used_at }) => timeText(last_used_at, now) },
      ],
      none: 'No API keys',
    })
  },
})
