import { randomBytes } from 'node:crypto'

/** `job-018f3a7c91b2…`: time first, so that ids made later sort later; 80 random bits behind it, so that none can be guessed or met twice. */
export function createId(prefix: string, now: Date): string {
  return `${prefix}-${now.getTime().toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`
}
