import { z } from '@certctl/core'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'
import { defineVerb } from '../../verb.js'

export const agentsShow = defineVerb({
  name: 'show',
  aliases: ['get'],
  summary: 'Shows one agent and its targets',
  examples: ['certctl agents show agent-web-1'],
  arguments: { id: 'Id of the agent' },
  given: z.object({ id: z.string() }),
  run: async ({ id }, cli) => {
    const { body } = await cli.client().getAgent({ params: { id } })
    if (cli.json) return cli.show(body, () => '')
    const targets = await cli.client().listTargets({ query: { agent_id: id } })
    const now = cli.io.now()
    cli.show(body, () =>
      fieldsText([
        ['id', body.id],
        ['name', body.name],
        ['status', body.retired_at === undefined ? body.status : 'Retired'],
        ['heard', timeText(body.last_heartbeat_at, now)],
        ['host', body.hostname],
        ['address', body.ip_address],
        ['platform', [body.os, body.architecture].filter(Boolean).join('/')],
        ['version', body.version],
        ['joined', timeText(body.registered_at, now)],
        ['retired', timeText(body.retired_at, now)],
        ['retired because', body.retired_reason],
        ['targets', targets.body.data.map((target) => target.id).join(', ')],
      ]),
    )
  },
})
