import { describe, expect, it } from '@jest/globals'
import { type JestReport, summarize } from '../summarize-tests.js'

const suite = (name: string, statuses: readonly string[], status = 'passed', message = '') => ({
  name: `/repo/${name}`,
  status,
  message,
  assertionResults: statuses.map((state, index) => ({ status: state, fullName: `${name} ${index}` })),
})
const reportOf = (...testResults: JestReport['testResults']): JestReport => ({
  numTotalTestSuites: testResults.length,
  testResults,
})
const ask = (reports: readonly JestReport[], suites: readonly string[], realRequired = false) =>
  summarize({ reports, suites, root: '/repo', realRequired })

describe('the summary of a test run', () => {
  it('ends with the counts, alone on a line', () => {
    const { lines, passed, failed } = ask(
      [reportOf(suite('a', ['passed', 'failed'])), reportOf(suite('b', ['passed']))],
      ['a', 'b'],
    )
    expect(lines.at(-1)).toBe('2 passed, 1 failed')
    expect({ passed, failed }).toEqual({ passed: 2, failed: 1 })
  })

  it('counts a suite that did not run as a failure and names it', () => {
    const { lines, failed } = ask([reportOf(suite('a', ['passed']))], ['a', 'b'])
    expect(failed).toBe(1)
    expect(lines).toContain('did not run: b')
  })

  it('counts a suite that did not load as a failure', () => {
    const { lines, failed } = ask([reportOf(suite('a', [], 'failed', 'Cannot find module x\n at y'))], ['a'])
    expect(failed).toBe(1)
    expect(lines).toContain('did not load: a: Cannot find module x')
  })

  it('names what was skipped, and fails on it where real counterparts are required', () => {
    const reports = [reportOf(suite('a', ['passed', 'pending']))]
    expect(ask(reports, ['a']).lines).toContain('skipped: a: a 1')
    expect(ask(reports, ['a']).failed).toBe(0)
    expect(ask(reports, ['a'], true).failed).toBe(1)
  })

  it('is a failure when there was nothing to run', () => {
    expect(ask([], []).failed).toBe(1)
  })
})
