import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '@certctl/core'
import { describe, expect, it } from '@jest/globals'
import { errorsPage } from '../gen/errors-page.js'
import { sourceFiles } from '../source-files.js'

const root = join(import.meta.dirname, '..', '..')
const sources = sourceFiles(root)
  .filter(
    (path) => /^(packages|apps)\/[^/]+\/src\//.test(path) && path !== join('packages', 'core', 'src', 'errors.ts'),
  )
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** Codes of the table that nothing throws, each with the reason why it stays. */
const notYet: Readonly<Record<string, string>> = {
  already_revoked:
    'an ACME client that revokes twice is answered so; our own routes take the second call for the first',
  approval_required: 'a job that waits for a second person',
}

describe('the table of codes', () => {
  it('what is thrown by name is in the table', () => {
    const thrown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/new CertctlError\(\s*'([^']+)'/g)].map(([, code = '']) => ({ path, code })),
    )
    expect(thrown.length).toBeGreaterThan(50)
    expect(thrown.filter(({ code }) => !Object.hasOwn(errorCodes, code))).toEqual([])
  })

  it('what is in the table is used somewhere, or has a reason to wait; a reason that is no longer needed goes', () => {
    const isUsed = (code: string) => sources.some(({ text }) => text.includes(`'${code}'`))
    const unused = Object.keys(errorCodes).filter((code) => !isUsed(code))
    expect(unused.filter((code) => notYet[code] === undefined)).toEqual([])
    expect(Object.keys(notYet).filter((code) => !Object.hasOwn(errorCodes, code))).toEqual([])
  })

  it('the page on the disk is the one the table makes', () => {
    expect(readFileSync(join(root, 'docs', 'errors.md'), 'utf8')).toBe(errorsPage())
  })
})
