import type { PlacementRow } from '../store/placements.js'
import type { TargetRow } from '../store/targets.js'
import { graceSeconds } from './grace-seconds.js'

const usualSeconds = 3600
const shortestSeconds = 60
const jitter = 0.2

/** When to look at a placement again: hourly, and sooner while a grace window lets it lag. Spread, so that fleets do not come at once. */
export function nextVerification({
  state,
  target,
  now,
  random,
}: {
  state: PlacementRow['state']
  target: Pick<TargetRow, 'config'>
  now: Date
  random: () => number
}): Date {
  const lagging = Math.max(shortestSeconds, Math.min(graceSeconds(target) / 10, usualSeconds))
  const seconds = state === 'deployed' ? lagging : usualSeconds
  return new Date(now.getTime() + Math.round(seconds * (1 - jitter / 2 + jitter * random()) * 1000))
}
