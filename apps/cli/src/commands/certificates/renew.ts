import { z } from '@certctl/core'
import { readCsr } from '../../config-input.js'
import { defineVerb } from '../../verb.js'
import { waitForCertificate, waitGiven, waitOptions } from '../../wait/wait-for-certificate.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesRenew = defineVerb({
  name: 'renew',
  summary: 'Renews a certificate now, with a new key',
  examples: [
    'certctl certificates renew www.example.com --wait',
    'certctl certificates renew cert-1 --force',
    'certctl certificates renew device-17 --csr device.csr',
  ],
  arguments: certificateArgument,
  options: {
    '--force': 'Begin anew even while a renewal is under way',
    '--csr <file>': 'A new CSR, where the key is kept elsewhere; - is standard input',
    ...waitOptions,
  },
  given: z.object({
    certificate: z.string(),
    force: z.boolean().default(false),
    csr: z.string().optional(),
    ...waitGiven,
  }),
  run: async ({ certificate: asked, force, csr, wait, timeout }, cli) => {
    const certificate = await findCertificate(cli, asked)
    const before = (await cli.client().listCertificatePlacements({ params: { id: certificate.id } })).body.data
    const { body } = await cli.client().renewCertificate({
      params: { id: certificate.id },
      query: { force: force || undefined },
      body: csr === undefined ? {} : { csr_pem: await readCsr(csr, cli) },
    })
    cli.say(`Renewal of ${certificate.name} is triggered`)
    if (wait) await waitForCertificate(cli, { certificate, before, timeoutSeconds: timeout })
    cli.show(body, () => body.job_ids.join('\n'))
  },
})
