import { z } from '@certctl/core'
import { timeText } from '../../output/time-text.js'
import { pageGiven, pageOptions, readPages } from '../../read-pages.js'
import { defineVerb } from '../../verb.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesVersions = defineVerb({
  name: 'versions',
  summary: 'Lists every certificate that was issued for it, newest first',
  examples: ['certctl certificates versions www.example.com'],
  arguments: certificateArgument,
  options: pageOptions,
  given: z.object({ certificate: z.string(), ...pageGiven }),
  run: async ({ certificate: asked, ...page }, cli) => {
    const { id } = await findCertificate(cli, asked)
    const listed = await readPages(page, (query) => cli.client().listCertificateVersions({ params: { id }, query }))
    const now = cli.io.now()
    cli.list(listed, {
      columns: [
        { title: 'FINGERPRINT', value: ({ fingerprint_sha256 }) => fingerprint_sha256 },
        { title: 'SERIAL NUMBER', value: ({ serial_number }) => serial_number },
        { title: 'CURRENT', value: ({ current }) => (current === true ? 'yes' : '') },
        { title: 'ISSUED', value: ({ created_at }) => timeText(created_at, now) },
        { title: 'EXPIRES', value: ({ not_after }) => timeText(not_after, now) },
      ],
      none: 'Nothing was issued for it yet.',
    })
  },
})
