import { z } from '@certctl/core'
import { defineVerb } from '../../verb.js'
import { waitForCertificate, waitGiven, waitOptions } from '../../wait/wait-for-certificate.js'
import { waitForJobs } from '../../wait/wait-for-jobs.js'
import { certificateArgument, findCertificate } from './find.js'

export const certificatesDeploy = defineVerb({
  name: 'deploy',
  summary: 'Deploys the current certificate again, to one target or to all',
  examples: ['certctl certificates deploy www.example.com --wait', 'certctl certificates deploy cert-1 --target web-1'],
  arguments: certificateArgument,
  options: { '--target <id>': 'Only to this one', ...waitOptions },
  given: z.object({ certificate: z.string(), target: z.string().optional(), ...waitGiven }),
  run: async ({ certificate: asked, target, wait, timeout }, cli) => {
    const certificate = await findCertificate(cli, asked)
    const { body } = await cli
      .client()
      .deployCertificate({ params: { id: certificate.id }, body: { target_id: target } })
    cli.say(`Deployment of ${certificate.name} is triggered`)
    if (wait) {
      await waitForJobs(cli, { ids: body.job_ids, what: `Deployment of ${certificate.name}`, timeoutSeconds: timeout })
      await waitForCertificate(cli, { certificate, targetId: target, timeoutSeconds: timeout })
    }
    cli.show(body, () => body.job_ids.join('\n'))
  },
})
