import { CertctlError, messageOf, parseDuration } from '@certctl/core'
import { Cron } from 'croner'

/** Begins whenever the five fields of `cron` say so on the clocks of `time_zone`, and lasts `duration`. */
export interface WindowRule {
  cron: string
  duration: string
  time_zone: string
}

/**
 * When a change may begin, at `at` or later: at once where a window is open then (it is from its beginning on and before its end), else
 * when the next one opens. `undefined`: none ever opens. Where a clock is put forward over a beginning, the window opens right after it;
 * where it is put back, once.
 */
export function nextWindow(rules: readonly WindowRule[], at: Date): Date | undefined {
  const opening = nextOpening(rules, at)
  return opening === undefined ? undefined : new Date(Math.max(opening.opensAt, at.getTime()))
}

/** From when to when the window is open that is open at `at`, or else opens next: in milliseconds. */
export function nextOpening(rules: readonly WindowRule[], at: Date): { opensAt: number; closesAt: number } | undefined {
  let first: { opensAt: number; closesAt: number } | undefined
  for (const rule of rules) {
    const opensAt = nextStart(rule, at)?.getTime()
    if (opensAt === undefined || (first !== undefined && first.opensAt <= opensAt)) continue
    first = { opensAt, closesAt: opensAt + lengthOf(rule.duration) }
  }
  return first
}

/** The beginning of the first window that has not ended at `at`. */
function nextStart(rule: WindowRule, at: Date): Date | undefined {
  const { cron, lengthMs } = read(rule)
  return cron.nextRun(new Date(at.getTime() - lengthMs)) ?? undefined
}

function read({ cron, duration, time_zone }: WindowRule): { cron: Cron; lengthMs: number } {
  return { cron: new Cron(cron, { mode: '5-part', timezone: time_zone, paused: true }), lengthMs: lengthOf(duration) }
}

function lengthOf(duration: string): number {
  const seconds = parseDuration(duration)
  if (seconds === undefined) throw new CertctlError('config_invalid', `duration: "${duration}" is not a duration`)
  return seconds * 1000
}

/** What is wrong with a rule, by field. */
export function windowFault(rule: WindowRule, now: Date): { field: keyof WindowRule; message: string } | undefined {
  const seconds = parseDuration(rule.duration)
  if (seconds === undefined || seconds < shortest || seconds > longest)
    return { field: 'duration', message: 'must be a duration between 1m and 7d, such as 4h' }
  if (!isTimeZone(rule.time_zone))
    return {
      field: 'time_zone',
      message: `"${rule.time_zone}" is no time zone; write one such as Europe/Berlin or UTC`,
    }
  if (rule.cron.trim().split(/\s+/).length !== fieldCount)
    return { field: 'cron', message: 'must have five fields: minute, hour, day of the month, month, day of the week' }
  try {
    return nextStart(rule, now) === undefined ? { field: 'cron', message: 'names a time that never comes' } : undefined
  } catch (error) {
    return { field: 'cron', message: `cannot be read: ${messageOf(error).replace(/^CronPattern: /, '')}` }
  }
}

const shortest = 60
const longest = 7 * 86_400
const fieldCount = 5

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
