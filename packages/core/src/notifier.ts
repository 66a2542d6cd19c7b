import type { Closable, Definition, JsonValue, Testable } from './contract.js'
import { type DefinitionInput, define } from './define.js'
import type { Host } from './host.js'

export interface NotifierCapabilities {
  deduplicates: boolean
  resolves: boolean
  recipients: 'per-message' | 'fixed'
}
export type NotifierDefinition<Config> = Definition<Config, Host, NotifierConnector, NotifierCapabilities>
export interface NotifierConnector extends Closable, Testable {
  /** Hands over one message. The same `id` again (a lost answer) tells people once where the service can deduplicate. Resolves only when the service has accepted it. */
  send(
    message: Message,
  ): Promise<{ reference?: string | undefined; recipients?: readonly RecipientOutcome[] | undefined }>
}
export interface Message {
  id: string
  event: string // certificate.expiring
  data: JsonValue // by the event's schema
  severity: 'info' | 'warning' | 'critical'
  title: string
  text: string
  html?: string | undefined
  facts: readonly { label: string; value: string }[]
  links: readonly { label: string; url: string }[]
  resolves?: string | undefined // id of the message whose cause is gone
  recipients: readonly string[]
  at: Date
  signal: AbortSignal
}
export interface RecipientOutcome {
  recipient: string
  accepted: boolean
  permanent?: boolean | undefined
  detail?: string | undefined
}

/** Completes a definition: makes its JSON Schema and refuses a field without a description. */
export function defineNotifier<Config>(
  definition: DefinitionInput<NotifierDefinition<Config>>,
): NotifierDefinition<Config> {
  return define(definition)
}
