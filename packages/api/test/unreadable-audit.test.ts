import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { verifyExport } from '../src/index.js'
import { keyIdOf, linesOf, plan, record, recordsOf, tools } from './audit-record.js'

describe('an export that cannot be read', () => {
  const lines = recordsOf(record(plan)).map((found) => JSON.stringify(found))
  const verdict = async (given: readonly string[]) => await verifyExport(linesOf(given), tools)

  it('is a fault with a place, never an exception', async () => {
    expect((await verdict([])).fault?.message).toBe('The export is empty')
    expect((await verdict(lines.slice(1))).fault?.kind).toBe('unreadable')
    expect((await verdict([...lines.slice(0, 4), 'noise', ...lines.slice(4)])).fault?.message).toContain('Line 5')
    expect((await verdict([...lines, ...lines.slice(-1)])).fault?.message).toContain('goes on after its end')
    expect((await verdict([...lines.slice(0, 1), ...lines])).fault?.message).toContain('two headers')
  })

  it('that was cut off anywhere is not taken for a shorter one', async () => {
    for (let length = 0; length < lines.length; length++) expect((await verdict(lines.slice(0, length))).ok).toBe(false)
  })

  it('never throws and never passes with any one line altered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(lines.length - 1),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 3 }),
        async (at, where, what) => {
          const line = lines[at] ?? ''
          const cut = where % line.length
          const altered = line.slice(0, cut) + what + line.slice(cut + what.length)
          if (meansTheSame(altered, line)) return
          expect((await verdict(lines.map((found, index) => (index === at ? altered : found)))).ok).toBe(false)
        },
      ),
      { numRuns: 300 },
    )
  })
})

/** The time of the export is not protected, and one key or signature can be written in more than one way; everything else counts. */
function meansTheSame(altered: string, line: string): boolean {
  try {
    return JSON.stringify(JSON.parse(altered, meaning)) === JSON.stringify(JSON.parse(line, meaning))
  } catch {
    return altered === line
  }
}

function meaning(name: string, value: unknown): unknown {
  if (name === 'exported_at') return isTime(value) ? 'a time' : value
  if (name === 'signature' && typeof value === 'string') return Buffer.from(value, 'base64').toString('hex')
  return name === 'public_key_pem' && typeof value === 'string' ? keyIdOf(value) : value
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(value)
}
