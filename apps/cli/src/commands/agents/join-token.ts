import { duration, z } from '@certctl/core'
import { defineVerb } from '../../verb.js'

export const agentsJoinToken = defineVerb({
  name: 'join-token',
  summary: 'Makes a token with which one agent may join, and shows it once',
  examples: [
    'certctl agents join-token --name web-1 --expires 1h',
    'certctl agents join-token --token-only > /root/join-token',
  ],
  options: {
    '--name <name>': 'The only name an agent may join under with it',
    '--expires <duration>': 'How long it may be used, up to 7d; 1h where not given',
    '--token-only': 'Print the token alone instead of the command line',
  },
  given: z.object({
    name: z.string().optional(),
    expires: duration().optional(),
    tokenOnly: z.boolean().default(false),
  }),
  run: async ({ name, expires, tokenOnly }, cli) => {
    const seconds = expires === undefined ? {} : { expires_in_seconds: Math.round(expires) }
    const { body } = await cli.client().createJoinToken({ body: { agent_name: name, ...seconds } })
    cli.say(`The token works once, until ${body.expires_at}. On the agent's host:`)
    cli.show(body, () => (tokenOnly ? body.token : body.command))
  },
})
