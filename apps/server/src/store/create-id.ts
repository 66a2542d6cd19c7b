import { randomBytes } from 'node:crypto'

let lastMs = 0
let count = 0

/**
 * `job-018f3a7c91b2…`: time first and a count within the millisecond behind it, so that ids made later by one process sort later; 64
 * random bits behind both, so that none can be guessed or met twice.
 */
export function createId(prefix: string, now: Date): string {
  const ms = now.getTime()
  count = ms === lastMs ? (count + 1) & 0xffff : 0
  lastMs = ms
  return `${prefix}-${hex(ms, 12)}${hex(count, 4)}${randomBytes(8).toString('hex')}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
