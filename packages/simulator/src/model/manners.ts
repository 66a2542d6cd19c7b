import type { Scenario } from '../scenario.js'
import type { CaManners } from './ca-model.js'

/** Four CAs of different manners. */
export function mannersOf({ certificates }: Scenario): CaManners[] {
  const ordersPerHour = Math.max(6, Math.ceil(certificates / 8))
  const usual = { searches: true, pendingShare: 0, metered: false, suggests: false, ordersPerHour, skewSeconds: 0 }
  return [
    { ...usual, id: 'ca-prompt', type: 'SimulatedPrompt', suggests: true, skewSeconds: 40 },
    { ...usual, id: 'ca-forgetful', type: 'SimulatedForgetful', searches: false },
    { ...usual, id: 'ca-slow', type: 'SimulatedSlow', pendingShare: 0.4, skewSeconds: -90 },
    {
      ...usual,
      id: 'ca-metered',
      type: 'SimulatedMetered',
      metered: true,
      ordersPerHour: Math.ceil(ordersPerHour / 2),
    },
  ]
}
