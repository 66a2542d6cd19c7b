import type { Closable, Definition, Fingerprint, GeneralName, SerialNumber, Testable } from './contract.js'
import { type DefinitionInput, define } from './define.js'
import type { Host } from './host.js'
import type { Secret } from './secret.js'
import { targetSettingsSchema } from './target-settings.js'

export interface TargetCapabilities {
  platforms: readonly ('linux' | 'darwin' | 'win32')[]
  verifies: 'file' | 'api' | 'none'
  /** 'full': a failed deploy leaves what was there. 'best-effort': says what it could not put back. */
  undo: 'full' | 'best-effort'
  /** 'one': the configured place takes a single certificate; a second placement is refused. */
  holds: 'one' | 'many'
}
export interface TargetDefinition<Config> extends Definition<Config, TargetHost, TargetConnector, TargetCapabilities> {
  /** Where the certificate will be served, as far as the configuration tells; the operator's `endpoints` win. */
  endpoints?(config: Config): readonly Endpoint[]
  /** What must not be changed by two deployments at once; default: the target. */
  lockKey?(config: Config): string
  /** Commands an agent may run for this target without listing them in its policy: constants of the package, never taken from configuration. */
  readonly proposedCommands?: readonly (readonly string[])[] | undefined
}
/** Every target also understands `endpoints`, `post_deploy_verify`, `grace`, `windows`, which core parses; file targets spread `fileFields()` (`key_mode`, `owner`, `group`) into their own schema. */
export interface Endpoint {
  host: string
  port: number
  serverName?: string | undefined
  startTls?: 'smtp' | 'imap' | 'pop3' | 'ldap' | 'postgres' | 'ftp' | undefined
}

export interface TargetHost extends Host {
  /**
   * Shakes hands with every endpoint of this deployment until it serves this leaf or time runs out (rejects `deploy_failed`).
   * 'later': a grace window covers the difference. 'unverifiable': no endpoint, or another holder of the same certificate answers there.
   * Called after activation and before the undo information is dropped, so that a failed handshake is undone like a failed reload.
   */
  confirmServed(expected: {
    fingerprint: Fingerprint
    signal: AbortSignal
  }): Promise<'served' | 'later' | 'unverifiable'>
}

export interface TargetConnector extends Closable, Testable {
  /** Resolves when the target uses the certificate; rejects with the target as it was. The same certificate again changes nothing. */
  deploy(request: DeploymentRequest): Promise<DeploymentReceipt>
  /** What the target holds now. A difference is a result, not an error. */
  verify(request: VerificationRequest): Promise<VerificationReport>
  /** What deploy would do, for targets that do not work through files and commands. */
  plan?(request: DeploymentRequest): Promise<readonly PlannedChange[]>
  /** Removes what earlier deployments of this certificate left and nothing uses. Called after the new one is served and its grace has passed, and after a crash. */
  cleanUp?(request: {
    certificateId: string
    keep: readonly Fingerprint[]
    signal: AbortSignal
  }): Promise<{ removed: readonly string[] }>
}

export interface CertificateMaterial {
  certificatePem: string
  chainPem: string
  privateKeyPem: Secret
  fingerprint: Fingerprint
}
export interface DeploymentRequest extends CertificateMaterial {
  id: string // of the deployment; stable over attempts
  certificateId: string
  names: readonly GeneralName[]
  /** What this agent deployed here before, while it still has the key: needed to undo where the target gives nothing back. */
  previous?: CertificateMaterial | undefined
  signal: AbortSignal
}
export interface DeploymentReceipt {
  changed: boolean
  served: 'served' | 'later' | 'unverifiable'
  location: string
  effective: 'now' | 'after-restart'
  metadata?: Readonly<Record<string, string>> | undefined
}
export interface VerificationRequest {
  certificateId: string
  fingerprint: Fingerprint
  signal: AbortSignal
}
export interface VerificationReport {
  matches: boolean
  location: string
  foundFingerprint?: Fingerprint | undefined
  foundSerialNumber?: SerialNumber | undefined
}
export type PlannedChange = { what: 'write' | 'run' | 'call'; detail: string }

/** Completes a definition: its JSON Schema also lists the settings every target understands. */
export function defineTarget<Config>(definition: DefinitionInput<TargetDefinition<Config>>): TargetDefinition<Config> {
  return define(definition, targetSettingsSchema)
}
