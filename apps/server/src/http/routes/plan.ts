import { reply } from '@certctl/api'
import { parseDuration } from '@certctl/core'
import { readPlan } from '../../inventory/read-plan.js'
import type { Services } from '../../services.js'
import type { Handlers } from '../handlers.js'

const usualDays = 30

export function planRoutes(services: Services): Handlers<'getPlan'> {
  return {
    async getPlan({ query, signal }) {
      const lifetimeSeconds = query.lifetime === undefined ? undefined : parseDuration(query.lifetime)
      return reply(200, await readPlan(services, { days: query.days ?? usualDays, lifetimeSeconds, signal }))
    },
  }
}
