import type { PlacementRow } from '../../store/placements.js'
import type { TargetRow } from '../../store/targets.js'
import { graceSeconds } from './grace-seconds.js'

const shortestSeconds = 60
const jitter = 0.2

/** When to look at a placement again: as often as the settings say, and sooner while a grace window lets it lag. Spread, so that fleets do not come at once. */
export function nextVerification({
  state,
  target,
  everySeconds,
  now,
  random,
}: {
  state: PlacementRow['state']
  target: Pick<TargetRow, 'config'>
  everySeconds: number
  now: Date
  random: () => number
}): Date {
  const lagging = Math.max(shortestSeconds, Math.min(graceSeconds(target) / 10, everySeconds))
  const seconds = state === 'deployed' ? lagging : everySeconds
  return new Date(now.getTime() + Math.round(seconds * (1 - jitter / 2 + jitter * random()) * 1000))
}

/** When to look at a placement that was just deployed to: soon, from outside the deployment; where nobody shakes hands, as usual. */
export function firstVerification({
  delaySeconds,
  isProven,
  ...question
}: Parameters<typeof nextVerification>[0] & { delaySeconds: number; isProven: boolean }): Date {
  return isProven ? new Date(question.now.getTime() + delaySeconds * 1000) : nextVerification(question)
}
