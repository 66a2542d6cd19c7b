/** What all five contracts share. Comments are obligations; each is also a law in @certctl/testing. */
import type { z } from 'zod'

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined }
/** Lower-case hex: SHA-256 over the DER. */
export type Fingerprint = string
/** Lower-case hex of the magnitude, no separators, no leading 00. */
export type SerialNumber = string

export type GeneralName =
  | { type: 'dns'; value: string } // A-labels, lower case, `*.` allowed
  | { type: 'ip'; value: string } // canonical text
  | { type: 'email'; value: string }
  | { type: 'uri'; value: string }

export type RevocationReason =
  | 'unspecified'
  | 'keyCompromise'
  | 'cACompromise'
  | 'affiliationChanged'
  | 'superseded'
  | 'cessationOfOperation'
  | 'certificateHold'
  | 'removeFromCRL'
  | 'privilegeWithdrawn'
  | 'aACompromise'

export interface Definition<Config, HostOfKind, Connector, Capabilities> {
  /** The name operators write (`VaultPKI`). Compared without case and punctuation. */
  readonly type: string
  readonly aliases?: readonly string[] | undefined
  readonly displayName: string
  /** A strict object; `secret()`, `commandLine()`, `filePath()` (a file that deployments write) and the like mark meaning. Every field is described; a package with an undescribed field is refused. */
  readonly configSchema: z.ZodType<Config>
  /** Set by `define…()` with the package's own zod, so that marks and descriptions survive another copy of zod. */
  readonly jsonSchema: JsonValue
  /** Instances made from environment variables at start. */
  readonly environment?: readonly EnvironmentInstance[] | undefined
  readonly capabilities: Capabilities
  /** Remembers; opens nothing, calls nothing, reads no clock. */
  create(config: Config, host: HostOfKind): Connector
}

export interface EnvironmentInstance {
  id: string // iss-acme-staging
  name: string
  /** Variable that must be set for the instance to exist; absent: always. */
  when?: string | undefined
  /** Config key → variable. `_FILE` forms are implied for secrets. */
  variables: Readonly<Record<string, string>>
  defaults?: Readonly<Record<string, JsonValue>> | undefined
}

export interface Closable {
  /** Called once, also after a failed call; waits for nothing longer than five seconds. */
  close?(): Promise<void>
}

export interface Testable {
  /** Checks credentials and reachability; changes nothing; rejects with the cause. `account`: the URL of the account that an ACME CA knows us by. */
  test?(signal: AbortSignal): Promise<{ detail: string; account?: string | undefined }>
}
