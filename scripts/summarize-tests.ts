import { relative } from 'node:path'

export interface JestReport {
  numTotalTestSuites: number
  testResults: readonly {
    name: string
    status: string
    message: string
    assertionResults: readonly { status: string; fullName: string }[]
  }[]
}
export interface TestSummary {
  /** For people; the last one is `N passed, N failed`. */
  lines: readonly string[]
  passed: number
  failed: number
}

interface Ran {
  reports: readonly JestReport[]
  /** Files that should have run, relative to `root`. */
  suites: readonly string[]
  root: string
  realRequired: boolean
}

/** Counts tests, and as one failure each: a suite that did not run or did not load, and, where real counterparts are required, a skipped test. */
export function summarize({ reports, suites, root, realRequired }: Ran): TestSummary {
  const results = reports.flatMap(({ testResults }) => testResults)
  const tests = results.flatMap(({ name, assertionResults }) =>
    assertionResults.map((test) => ({ ...test, suite: relative(root, name) })),
  )
  const ran = new Set(results.map(({ name }) => relative(root, name)))
  const missing = suites.filter((suite) => !ran.has(suite))
  const notLoaded = results.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
  const faults = [
    ...missing.map((suite) => `did not run: ${suite}`),
    ...notLoaded.map(
      ({ name, message }) => `did not load: ${relative(root, name)}: ${message.trim().split('\n')[0] ?? ''}`,
    ),
    ...(realRequired
      ? skipped.map(({ suite, fullName }) => `skipped although real counterparts are required: ${suite}: ${fullName}`)
      : []),
    ...(suites.length === 0 ? ['no suite was found'] : []),
  ]
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failedTests = tests.filter(({ status }) => status === 'failed')
  const failed = failedTests.length + faults.length
  return {
    passed,
    failed,
    lines: [
      ...(realRequired ? [] : skipped.map(({ suite, fullName }) => `skipped: ${suite}: ${fullName}`)),
      ...failedTests.map(({ suite, fullName }) => `failed: ${suite}: ${fullName}`),
      ...faults,
      `${ran.size} of ${suites.length} suites ran`,
      `${passed} passed, ${failed} failed`,
    ],
  }
}
