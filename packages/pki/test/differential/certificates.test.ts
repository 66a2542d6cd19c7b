import { describe, expect, it } from '@jest/globals'
import { createRandom } from '../forge/random.js'
import { disagreements } from './disagreements.js'
import { oddCertificates } from './odd-certificates.js'
import { differences, libraries, readLibrary, readOurs } from './readings.js'
import { oldCertificate, regularCertificate, type Sample } from './regular-certificates.js'

const regularCount = 7_400
const oldCount = 200
/** Readers that are slower or tell less look at every so-manyth. */
const everySo = 10

function samples(): Sample[] {
  const random = createRandom(20260301)
  return [
    ...Array.from({ length: regularCount }, (_, index) => regularCertificate(index, random)),
    ...Array.from({ length: oldCount }, (_, index) => oldCertificate(index, random)),
  ]
}

const all = samples()

describe('sound certificates', () => {
  it('are of more than two hundred shapes', () => {
    expect(new Set(all.map(({ shape }) => shape)).size).toBeGreaterThan(200)
  })

  it(`mean the same to us and to @peculiar/x509, all ${all.length} of them`, () => {
    const differing = all.flatMap((sample) => compare(sample, readLibrary))
    expect(differing.slice(0, 5)).toEqual([])
  }, 600_000)

  it.each(Object.entries(libraries).filter(([name]) => name !== '@peculiar/x509'))(
    'mean the same to us and to %s',
    (_, read) => {
      const differing = all.filter((_, index) => index % everySo === 0).flatMap((sample) => compare(sample, read))
      expect(differing.slice(0, 5)).toEqual([])
    },
    600_000,
  )
})

function compare({ shape, der }: Sample, read: (der: Uint8Array) => object | undefined): string[] {
  const ours = readOurs(der)
  const theirs = read(der)
  if (ours === undefined || theirs === undefined) return [`${shape}: refused by ${ours === undefined ? 'us' : 'them'}`]
  const fields = differences({ ...ours }, { ...theirs })
  return fields.length === 0 ? [] : [`${shape}: ${fields.join(', ')}`]
}

describe('odd certificates', () => {
  it.each(oddCertificates.map((odd) => [odd.verdict, odd.name, odd] as const))('are %s: %s', (verdict, _, { der }) => {
    expect(readOurs(der) === undefined ? 'refused' : 'accepted').toBe(verdict)
  })

  it('are judged otherwise by the libraries exactly where the table says so', () => {
    const found = oddCertificates.flatMap(({ name, verdict, rule, der }) => {
      const judged = Object.entries(libraries).flatMap(([library, read]) => {
        const theirs = judge(readOurs(der), read(der))
        return theirs === undefined ? [] : [[library, theirs]]
      })
      return judged.length === 0 ? [] : [[name, { verdict: `${verdict}: ${rule}`, ...Object.fromEntries(judged) }]]
    })
    expect(Object.fromEntries(found)).toEqual(disagreements)
  })
})

/** How they differ from us; `undefined`: not at all. */
function judge(ours: object | undefined, theirs: object | undefined): string | undefined {
  if (ours === undefined) return theirs === undefined ? undefined : 'accepted'
  if (theirs === undefined) return 'refused'
  const fields = differences({ ...ours }, { ...theirs })
  return fields.length === 0 ? undefined : `reads otherwise: ${fields.join(', ')}`
}
