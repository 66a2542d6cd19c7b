import type { Closable, Definition, Testable } from './contract.js'
import { type DefinitionInput, define } from './define.js'
import type { Host } from './host.js'

export type DnsDefinition<Config> = Definition<Config, Host, DnsConnector, Readonly<Record<string, never>>>
export interface DnsConnector extends Closable, Testable {
  /** Adds one value to the TXT record set; other values stay. Adding twice is adding once. */
  present(record: TxtRecord): Promise<void>
  /** Removes that one value; a missing one is no error. */
  cleanUp(record: TxtRecord): Promise<void>
}
export interface TxtRecord {
  name: string
  value: string
  ttlSeconds: number
  context: { domain: string; token?: string | undefined }
  signal: AbortSignal
}

/** Completes a definition: makes its JSON Schema and refuses a field without a description. */
export function defineDns<Config>(definition: DefinitionInput<DnsDefinition<Config>>): DnsDefinition<Config> {
  return define(definition)
}
