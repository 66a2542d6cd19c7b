export type { LogLine } from './captured-log.js'
export { type DnsTestOptions, testDns } from './dns.js'
export type { DnsWorld, DnsZones } from './dns-world.js'
export { createIssuanceRequest, issuedRefOf, type RequestOverrides } from './issuance-request.js'
export { type IssuerTestOptions, testIssuer } from './issuer.js'
export type { IssuerWorld, WorldFailure } from './issuer-world.js'
export type { TestFunction } from './law.js'
export { createMaterial, type Material, type TestLeaf } from './material.js'
export { createMemoryFiles, type MemoryFile, type MemoryFiles } from './memory-files.js'
export { createMemoryState } from './memory-state.js'
export { type NotifierTestOptions, testNotifier } from './notifier.js'
export type { NotifierWorld, Told } from './notifier-world.js'
export { type TargetTestOptions, testTarget } from './target.js'
export { createTestTargetHost, type TargetWorld } from './target-world.js'
export { createTestCa, type SignOptions, type TestCa } from './test-ca.js'
export { createTestClock, type TestClock } from './test-clock.js'
export { type AnswerRun, createTestHost, type RunAnswer, type TestHost, type TestHostOptions } from './test-host.js'
export { type AnswerHttp, type HttpAnswer, responseOf, type SeenRequest } from './test-http.js'
export { createTestIssuerHost, type Published, type TestIssuerHost } from './test-issuer-host.js'
export { createTestMessage } from './test-message.js'
export { createTestRecord } from './test-record.js'
export { unusedPort } from './unused-port.js'
export {
  type Fault,
  type FaultMode,
  type Step,
  type StepKind,
  type Watch,
  type WatchedHost,
  type WatchOptions,
  watchHost,
} from './watched-host.js'
