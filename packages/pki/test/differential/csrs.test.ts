import { CertctlError } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { testKeys } from '../forge/keys.js'
import { createRandom } from '../forge/random.js'
import { csrDisagreements } from './csr-disagreements.js'
import { type ReadCsr, readLibraryCsr, readOurCsr, readPkijsCsr } from './csr-readings.js'
import { oddCsrs } from './odd-csrs.js'
import { differences } from './readings.js'
import { regularCsr } from './regular-csrs.js'

const count = 2_500
/** Libraries verify slowly: every so-manyth signature is checked by them, every one by us. */
const everySo = 23

const random = createRandom(2986)
const all = Array.from({ length: count }, (_, index) => regularCsr(index, random))
const libraries: Readonly<Record<string, ReadCsr>> = { '@peculiar/x509': readLibraryCsr, pkijs: readPkijsCsr }

describe('sound CSRs', () => {
  it('are of more than two hundred shapes', () => {
    expect(new Set(all.map(({ shape }) => shape)).size).toBeGreaterThan(200)
  })

  it(`mean the same to us and to @peculiar/x509, all ${count} of them, signatures included`, async () => {
    expect((await comparedWith(readLibraryCsr, 1)).slice(0, 5)).toEqual([])
  }, 600_000)

  it('mean the same to us and to pkijs, signatures included', async () => {
    expect((await comparedWith(readPkijsCsr, everySo)).slice(0, 5)).toEqual([])
  }, 600_000)
})

async function comparedWith(read: ReadCsr, step: number): Promise<string[]> {
  const differing: string[] = []
  for (let index = 0; index < all.length; index += step) {
    const sample = all[index]
    if (sample === undefined) continue
    const ours = readOurCsr(sample.der)
    // pkijs has no Ed25519.
    const canVerify = read !== readPkijsCsr || sample.key !== testKeys.ed25519
    const theirs = await read(sample.der, canVerify && index % everySo === 0)
    if (ours instanceof CertctlError) differing.push(`${sample.shape}: we refuse: ${ours.message}`)
    else if (theirs === undefined) differing.push(`${sample.shape}: refused by them`)
    else differing.push(...differences(ours, theirs).map((field) => `${sample.shape}: ${field}`))
  }
  return differing
}

describe('odd CSRs', () => {
  it.each(oddCsrs.map((odd) => [odd.name, odd] as const))(
    'are judged by the rules, and the sentence names the fault: %s',
    (_, odd) => {
      const ours = readOurCsr(odd.der)
      if (!(ours instanceof CertctlError)) return expect('accepted').toBe(odd.verdict)
      expect(ours).toMatchObject({ code: odd.verdict, message: expect.stringContaining(odd.says) })
      expect(ours.message.length).toBeLessThan(300)
    },
  )

  it('are judged otherwise by the libraries exactly where the table says so', async () => {
    const found: Record<string, Record<string, string>> = {}
    for (const { name, verdict, rule, der } of oddCsrs) {
      const ours = readOurCsr(der) instanceof CertctlError ? 'refused' : 'accepted'
      const line: Record<string, string> = {}
      for (const [library, read] of Object.entries(libraries)) {
        const theirs = (await read(der, true)) === undefined ? 'refused' : 'accepted'
        if (theirs !== ours) line[library] = theirs
      }
      if (Object.keys(line).length > 0) found[name] = { verdict: `${verdict}: ${rule}`, ...line }
    }
    expect(found).toEqual(csrDisagreements)
  })
})
