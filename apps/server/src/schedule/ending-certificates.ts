import { raiseAlert } from '../lifecycle/raise-alert.js'
import { commandForSuccessor, whyNotRenewed } from '../lifecycle/renewal/not-renewed.js'
import type { Services } from '../services.js'
import type { EndingVersion } from '../store/versions.js'
import { forEachDue } from './for-each-due.js'
import type { Loop } from './loop.js'

/** Certificates in the last tenth of their life that should have been replaced, or that nobody may replace, whatever the reason: nobody shall learn it from a browser. */
export const endingCertificates: Loop = {
  name: 'ending-certificates',
  everySeconds: () => 300,
  async run(services, signal) {
    const now = services.clock.now()
    await forEachDue(services, {
      what: 'telling of a certificate that ends',
      list: async (page) => await services.store.versions.listEnding(now, page),
      idOf: ({ id }) => id,
      placeOf: ({ place }) => place,
      signal,
      work: async (version) => await tell(services, version),
    })
  },
}

async function tell(services: Services, version: EndingVersion): Promise<void> {
  await services.store.transaction(async (tx) => {
    const holder = await tx.holders.get(version.holder_id)
    const certificate = await tx.certificates.get(version.certificate_id)
    if (certificate === undefined || holder?.current_version_id !== version.id) return
    const hasEnded = version.not_after.getTime() <= tx.now.getTime()
    await raiseAlert(tx, {
      subject: `ending:${holder.id}`,
      type: hasEnded ? 'certificate.ended' : 'certificate.ending',
      severity: 'critical',
      title: `${certificate.name} ${hasEnded ? 'ended' : 'ends'} at ${version.not_after.toISOString()} and is not renewed: ${whyNotRenewed(holder)}`,
      command: await commandForSuccessor(tx, { certificate, holder }),
      data: {
        not_after: version.not_after.toISOString(),
        holder_id: holder.id,
        code: holder.last_error_code ?? undefined,
      },
      certificateId: certificate.id,
      agentId: holder.agent_id ?? undefined,
      issuerId: version.issuer_id,
    })
  })
}
