import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { waitForCertificate, waitGiven, waitOptions } from '../../wait/wait-for-certificate.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesRenew = defineVerb({
  name: 'renew',
  summary: 'Renews a certificate now, with a new key',
  examples: ['certctl certificates renew www.example.com --wait', 'certctl certificates renew cert-1 --force'],
  arguments: certificateArgument,
  options: { '--force': 'Begin anew even while a renewal is under way', ...waitOptions },
  given: z.object({ certificate: z.string(), force: z.boolean().default(false), ...waitGiven }),
  run: async ({ certificate: asked, force, wait, timeout }, cli) => {
    const certificate = await findCertificate(cli, asked)
    const before = (await cli.client().listCertificatePlacements({ params: { id: certificate.id } })).body.data
    const { body } = await cli
      .client()
      .renewCertificate({ params: { id: certificate.id }, query: { force: force || undefined } })
    cli.say(`Renewal of ${certificate.name} is triggered`)
    if (wait) await waitForCertificate(cli, { certificate, before, timeoutSeconds: timeout })
    cli.show(body, () => body.job_ids.join('\n'))
  },
})
