import type { Closable, Definition, JsonValue, Testable } from './contract.js'
import { type DefinitionInput, define } from './define.js'
import type { Host } from './host.js'

export interface DiscoveryCapabilities {
  runsOn: readonly ('server' | 'agent')[]
}
export type DiscoveryDefinition<Config> = Definition<Config, Host, DiscoverySource, DiscoveryCapabilities>
export interface DiscoverySource extends Closable, Testable {
  /** Yields what it sees. A thing that cannot be read is a problem and does not end the scan; only a scan that ended with 'complete' may mark anything gone. */
  scan(request: { signal: AbortSignal; cursor?: JsonValue | undefined }): AsyncIterable<Sighting>
}
export type Sighting =
  | {
      kind: 'certificate'
      der: Uint8Array
      location: string
      position: number
      details?: Readonly<Record<string, string>> | undefined
    }
  | { kind: 'problem'; location: string; problem: string }
  | { kind: 'progress'; done: number; total?: number | undefined }
  | { kind: 'complete'; looked: number; cursor?: JsonValue | undefined }

/** Completes a definition: makes its JSON Schema and refuses a field without a description. */
export function defineDiscovery<Config>(
  definition: DefinitionInput<DiscoveryDefinition<Config>>,
): DiscoveryDefinition<Config> {
  return define(definition)
}
