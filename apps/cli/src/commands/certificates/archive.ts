import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesArchive = defineVerb({
  name: 'archive',
  aliases: ['delete'],
  summary: 'Archives a certificate: kept and shown, never renewed or deployed again',
  examples: ['certctl certificates archive www.example.com'],
  arguments: certificateArgument,
  given: z.object({ certificate: z.string() }),
  run: async ({ certificate: asked }, cli) => {
    const { id, name } = await findCertificate(cli, asked)
    await cli.client().deleteCertificate({ params: { id } })
    if (cli.json) cli.show({ status: 'archived', id }, () => '')
    cli.say(`${name} is archived`)
  },
})
