import { parseDuration } from '@certctl/core'
import type { TargetRow } from '../../store/targets.js'

/** How long a target may keep serving the old certificate after a deployment. */
export function graceSeconds({ config }: Pick<TargetRow, 'config'>): number {
  const { grace } = config as { grace?: unknown }
  if (typeof grace === 'number') return grace
  return typeof grace === 'string' ? (parseDuration(grace) ?? 0) : 0
}
