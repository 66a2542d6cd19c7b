import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

const words = {
  here: 'known here, the CA is not told yet',
  requested: 'the CA has it in hand',
  confirmed: 'confirmed by the CA',
  unconfirmable: 'the CA cannot be told by its connector',
} as const

export const certificatesRevocations = defineVerb({
  name: 'revocations',
  summary: 'Lists what was revoked of a certificate, and whether its CA has confirmed that',
  examples: ['certctl certificates revocations www.example.com'],
  arguments: certificateArgument,
  given: z.object({ certificate: z.string() }),
  run: async ({ certificate: asked }, cli) => {
    const { id } = await findCertificate(cli, asked)
    const { body } = await cli.client().listCertificateRevocations({ params: { id } })
    const now = cli.io.now()
    cli.list(body, {
      columns: [
        { title: 'SERIAL NUMBER', value: ({ serial_number }) => serial_number },
        { title: 'REASON', value: ({ reason }) => reason },
        { title: 'STATE', value: ({ state }) => words[state] },
        { title: 'REVOKED', value: ({ created_at }) => timeText(created_at, now) },
        { title: 'TOLD', value: ({ attempts }) => String(attempts) },
        { title: 'LAST ERROR', value: ({ last_error }) => last_error },
      ],
      none: 'Nothing of it was revoked.',
    })
  },
})
