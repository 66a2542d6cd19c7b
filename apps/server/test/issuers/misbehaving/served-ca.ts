import type { HttpAnswer } from '@certctl/testing'

/** What a CA does that it should not. */
export type Misbehaviour =
  /** Every request is answered so. */
  | { everything: HttpAnswer }
  /** The certificate it gives, and what it sends along, in this order. PEM. */
  | { certificates: readonly string[] }
  /** Its orders are said to be there. */
  | { orderHost: string; certificates: readonly string[] }

/** A CA as it is reached in earnest: over TLS on this machine, or as a program. */
export interface ServedCa {
  readonly type: string
  /** What is asked of it where a certificate is ordered. */
  readonly ordering: string
  readonly config: Readonly<Record<string, unknown>>
  /** Everything it was asked so far, in order. */
  readonly asked: readonly string[]
  behaviour: Misbehaviour
  close(): Promise<void>
}

export const behaving: Misbehaviour = { certificates: [] }
