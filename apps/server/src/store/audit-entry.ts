/** Who did it, as the record keeps it. */
export interface Actor {
  type: 'User' | 'System' | 'Agent'
  id: string
  name: string
  /** Who that is among people, where two have to agree. Not part of the record. */
  person?: string | undefined
}

/** One thing that happened, before it has a place in the record. */
export interface AuditEntry {
  actor: Actor
  /** Noun and verb: `certificate.created`. */
  action: string
  resource_type: string
  resource_id: string
  /** Anything JSON can say; dates become RFC 3339, secrets print as `[secret]`. */
  details?: Readonly<Record<string, unknown>> | undefined
}
