import type { HttpAnswer } from '@certctl/testing'

/** What the CA of this run does besides what RFC 8555 says. Each may be changed while it runs. */
export interface FakeSwitches {
  /** Refuses every n-th good nonce. */
  rejectNonceEvery?: number | undefined
  /** Answers orders with these words instead of placing them. */
  refuseOrders?: { type: string; status: number; detail?: string; headers?: Record<string, string> } | undefined
  /** The same for answers to challenges. */
  refuseChallenges?: FakeSwitches['refuseOrders']
  /** Let's Encrypt: identical orders that are open are one. */
  reusesOrders?: boolean | undefined
  /** Where orders are said to be. */
  orderHost?: string | undefined
  /** A word for the state of every order. */
  orderState?: string | undefined
  /** Looks at an order for which its challenges stay in `processing`. */
  validationPolls?: number | undefined
  /** Polls for which an order stays in `processing`. */
  processingPolls?: number | undefined
  /** It ends in `invalid` after that. */
  failsSigning?: boolean | undefined
  /** Authorizations are valid from the beginning, with a challenge nobody knows. */
  preValidated?: boolean | undefined
  /** Kinds of challenges it offers. */
  offers?: readonly string[] | undefined
  /** What orders say that ended badly. */
  orderDetail?: string | undefined
  /** `Retry-After` of renewal information; unsaid: none. */
  renewalInfoAgain?: string | undefined
  renewalInfo?: 'none' | 'past' | 'backwards' | 'broken' | undefined
  profiles?: Readonly<Record<string, string>> | undefined
  termsOfService?: string | undefined
  /** EAB is required, under this key. */
  macKey?: { kid: string; key: Buffer } | undefined
  /** Other chains it offers, PEM, issuing CA first. */
  alternateChains?: readonly string[] | undefined
  /** Addresses of other chains that it names besides. */
  alternateLinks?: readonly string[] | undefined
  /** Whether it lets accounts revoke what they have proven and not ordered. */
  revokesByProof?: boolean | undefined
  /** What its challenges of dns-persist-01 say. */
  persist?: { domain?: string; accounturi?: string } | undefined
  /** Name that authorizations are said to be for. */
  authorizes?: string | undefined
  /** Refuses every CSR with this word. */
  refuseCsr?: string | undefined
  /** Answers every request so. */
  everything?: HttpAnswer | undefined
}

export function persistOf({ persist: { domain = 'ca.example.test', accounturi } = {} }: FakeSwitches) {
  return { 'issuer-domain-names': [domain], ...(accounturi === undefined ? {} : { accounturi }) }
}
