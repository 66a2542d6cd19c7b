/** The one jest configuration. Run through `pnpm test`, which also turns on ESM and counts the suites. */
export default {
  testMatch: [
    '<rootDir>/{packages,apps}/*/test/**/*.test.ts',
    '<rootDir>/scripts/test/**/*.test.ts',
    '<rootDir>/test/**/*.test.ts',
  ],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/.build/'],
  modulePathIgnorePatterns: ['/dist/', '/.build/', '/templates/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } },
    ],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  testEnvironmentOptions: { customExportConditions: ['@certctl/source', 'node', 'node-addons'] },
  setupFiles: ['reflect-metadata'],
  // What a suite has loaded is never given back: after a hundred a process collected garbage for most of its time.
  workerIdleMemoryLimit: '1GB',
  // For what has gone wrong: on a machine that stands still for a while, nothing has.
  testTimeout: 300_000,
}
