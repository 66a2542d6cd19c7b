import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'
import { showCertificate } from './show-certificate.js'

export const certificatesShow = defineVerb({
  name: 'show',
  aliases: ['get'],
  summary: 'Shows one certificate, who holds its key and when it is renewed',
  examples: ['certctl certificates show www.example.com'],
  arguments: certificateArgument,
  given: z.object({ certificate: z.string() }),
  run: async ({ certificate }, cli) => showCertificate(await findCertificate(cli, certificate), cli),
})
