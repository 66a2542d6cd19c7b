import { apiKeyRoles } from '@certctl/api'
import { duration, z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { writePrivateFile } from '../../write-private-file.js'

export const apiKeysCreate = defineVerb({
  name: 'create',
  summary: 'Makes an API key and shows it once, on standard output',
  examples: [
    'certctl api-keys create --name deploy-bot --role operator --expires 90d > key',
    'certctl api-keys create --name grafana --role viewer --out /etc/grafana/certctl.key',
  ],
  options: {
    '--name <name>': 'What it is for',
    '--role <role>': `What it may do: ${apiKeyRoles.join(', ')}`,
    '--owner <name>': 'Who answers for it',
    '--expires <duration>': 'How long it works, such as 90d; for ever where not given',
    '--out <file>': 'A new file for the key, readable by you alone, instead of standard output',
  },
  given: z.object({
    name: z.string(),
    role: z.enum(apiKeyRoles, `must be one of ${apiKeyRoles.join(', ')}`),
    owner: z.string().optional(),
    expires: duration().optional(),
    out: z.string().optional(),
  }),
  run: async ({ name, role, owner, expires, out }, cli) => {
    const expiresAt =
      expires === undefined ? undefined : new Date(cli.io.now().getTime() + expires * 1000).toISOString()
    const create = async () => {
      const { body } = await cli.client().createApiKey({ body: { name, role, owner, expires_at: expiresAt } })
      cli.say(`API key ${body.id} (${body.role}); it is shown this once`)
      return body
    }
    if (out === undefined) {
      const body = await create()
      return cli.show(body, () => body.key)
    }
    await writePrivateFile(out, async () => {
      const { key, ...rest } = await create()
      if (cli.json) cli.show(rest, () => '')
      return `${key}\n`
    })
    cli.say(`Written to ${out}`)
  },
})
