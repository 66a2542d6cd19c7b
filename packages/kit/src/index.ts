export { type AddressPolicy, resolveAllowed } from './address-policy.js'
export { isReplaceable, ownMarker } from './certificate-material.js'
export { type Clock, systemClock } from './clock.js'
export { openConnection, startTls } from './connection.js'
export { expectStatus } from './expect-status.js'
export { createFileStateStore, type FileStateOptions } from './file-state-store.js'
export { createFileSystem, removeLeftovers } from './file-system.js'
export { createHttpClient, mayHaveArrived, retryAfterSeconds } from './http-client.js'
export {
  createJournaledFileSystem,
  type FileJournal,
  type JournalEntry,
  type Repair,
  repairFiles,
} from './journaled-file-system.js'
export { nextLookSeconds } from './next-look.js'
export { createNodeHost, type NodeHostOptions } from './node-host.js'
export { leafFingerprint, type PemParts, pairFits, pemParts, requirePair } from './pem-parts.js'
export { createRehearsalHost, type Rehearsal } from './rehearsal-host.js'
export { type Confirmation, type FileChange, type Replaced, type ReplaceSteps, replaceFiles } from './replace-files.js'
export { runCommand } from './run-command.js'
export { maskSecrets, type RunOrThrowOptions, runOrThrow } from './run-or-throw.js'
export { createShared } from './shared.js'
export { resolveDns } from './system-resolver.js'
export { timeLimit } from './time-limit.js'
