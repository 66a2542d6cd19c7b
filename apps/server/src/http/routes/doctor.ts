import { reply } from '@certctl/api'
import { examineName } from '../../doctor/examine-name.js'
import type { Services } from '../../services.js'
import { createDoctorLimit } from '../doctor-limit.js'
import type { Handlers } from '../handlers.js'
import type { HttpSettings } from '../settings.js'

export function doctorRoutes(services: Services, settings: HttpSettings): Handlers<'examineName'> {
  const limited = createDoctorLimit(settings.rateLimit)
  return {
    async examineName({ body, principal, signal }) {
      const { name, issuer_id: issuerId, method } = body
      const question = { name, issuerId, method, signal }
      const examined = await limited(
        principal,
        async () => await examineName(services, question, settings.surroundings),
      )
      const { issuerId: asked, method: used, findings } = examined
      return reply(200, { ...(asked === undefined ? {} : { issuer_id: asked }), method: used, findings })
    },
  }
}
