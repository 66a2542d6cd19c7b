import type {
  Closable,
  Definition,
  Fingerprint,
  GeneralName,
  JsonValue,
  RevocationReason,
  SerialNumber,
  Testable,
} from './contract.js'
import { type DefinitionInput, define } from './define.js'
import type { DnsConnector } from './dns.js'
import type { Host } from './host.js'

export type IssuerOperation =
  | 'poll'
  | 'revoke'
  | 'renewalInfo'
  | 'budget'
  | 'caCertificates'
  | 'authority'
  | 'crl'
  | 'maintain'
  | 'test'
export interface IssuerCapabilities {
  /** Exactly the optional methods that `create` returns. */
  operations: readonly IssuerOperation[]
  names: readonly (GeneralName['type'] | 'wildcard')[]
  /** What of the request the CA obeys; for the rest the lifecycle compares and warns. */
  honours: readonly ('subject' | 'notAfter' | 'keyUsages' | 'extendedKeyUsages' | 'mustStaple')[]
  revocationReasons: readonly RevocationReason[]
  /** Whether each order may cost money or count against a quota: holders are then ordered one at a time. */
  metered: boolean
}
export type IssuerDefinition<Config> = Definition<Config, IssuerHost, IssuerConnector, IssuerCapabilities>

export interface IssuerHost extends Host {
  readonly challenges: ChallengeResponder
  /** A configured DNS provider, or one made for this issuer from inline settings (scripts of the operator's). */
  dns(instance: string | { type: string; config: JsonValue }): Promise<DnsConnector>
}
/** Answers are rows, so that every server copy (or the agents that hold the name) can give them. */
export interface ChallengeResponder {
  /** 'waiting': agents have the job but have not confirmed yet; ask again at the next poll. */
  publish(answer: ChallengeAnswer): Promise<'published' | 'waiting'>
  withdraw(answer: ChallengeAnswer): Promise<void>
}
export type ChallengeAnswer = { by: 'server' | 'agents'; name: string; port?: number | undefined } & (
  | { kind: 'http-01'; token: string; keyAuthorization: string }
  | { kind: 'tls-alpn-01'; keyAuthorization: string }
)

export interface IssuerConnector extends Closable, Testable {
  /** Places the order; may answer at once. `attempt` > 1 means that an answer may have been lost: ask the CA for an order of this `id`, or one like it since `firstAskedAt`, before placing another. */
  issue(request: IssuanceRequest): Promise<OrderOutcome>
  /** Looks once and does the next thing there is to do. Never waits for the CA; says when to look again. */
  poll?(order: OrderRef): Promise<OrderOutcome>
  revoke?(request: RevocationRequest): Promise<RevocationOutcome>
  /** RFC 9773 or the vendor's like. `undefined`: the CA has no opinion on this certificate. */
  renewalInfo?(certificate: IssuedRef, signal: AbortSignal): Promise<RenewalInfo | undefined>
  /** Whether so many orders for these names fit what is left of the CA's limits; never asks the CA to refuse. */
  budget?(question: {
    names: readonly GeneralName[]
    orders: number
    signal: AbortSignal
  }): Promise<{ fits: boolean; nextAt?: Date | undefined; detail: string }>
  /** Issuing CA first; the root last where the CA gives it. PEM. */
  caCertificates?(signal: AbortSignal): Promise<readonly string[]>
  /** Only where we hold the CA's key: what CRL, OCSP and cross-signing need. The one result that carries functions. */
  authority?(): Promise<Authority>
  /** A CRL that somebody else made and we republish. DER. */
  crl?(signal: AbortSignal): Promise<Uint8Array>
  /** Keeps credentials alive (token renewal). Called by the schedule; says when to call again. */
  maintain?(signal: AbortSignal): Promise<{ nextInSeconds: number }>
}

export interface IssuanceRequest {
  id: string // UUID of our order row; stable over attempts
  attempt: number // from 1
  firstAskedAt: Date
  csrPem: string
  commonName?: string | undefined
  names: readonly GeneralName[] // exactly as policy approved them
  subject: readonly { type: string; value: string }[] // O, OU, C, … beyond the common name
  extendedKeyUsages: readonly string[] // names or OIDs
  keyUsages?: readonly string[] | undefined
  notAfter?: Date | undefined // the latest end policy allows
  mustStaple: boolean
  product?: string | undefined // ACME profile, vendor's product
  previous?: IssuedRef | undefined // on renewal: lets a CA reissue, replace or exempt
  siblings: readonly IssuedRef[] // current certificates of other holders of the same names
  context: { certificateId: string; environment?: string | undefined; ownerEmail?: string | undefined }
  signal: AbortSignal
}

export type OrderOutcome =
  | { status: 'valid'; certificatePem: string; chainPem: string; vendorRef?: string | undefined }
  | {
      status: 'pending'
      orderId: string
      progress?: JsonValue | undefined
      retryAfterSeconds?: number | undefined
      waitingFor?: 'ca' | 'person' | 'validation' | undefined
      detail?: string | undefined
    }
  | { status: 'invalid' | 'expired'; orderId: string; reason: string }

/** `progress` is what the last outcome returned, stored sealed before anything else happened. */
export interface OrderRef {
  orderId: string
  progress?: JsonValue | undefined
  request: Omit<IssuanceRequest, 'signal'>
  signal: AbortSignal
}
/** `vendorRef` is opaque to us: whatever the connector needs to revoke, renew or find this certificate again. */
export interface IssuedRef {
  certificatePem: string
  chainPem: string
  serialNumber: SerialNumber
  fingerprint: Fingerprint
  vendorRef?: string | undefined
  orderId?: string | undefined
}

export interface RevocationRequest {
  id: string // of our revocation row; stable over attempts
  attempt: number // > 1: an answer may have been lost; ask before filing again
  firstAskedAt: Date
  certificate: IssuedRef
  reason: RevocationReason
  reasonText: string // 1 to 511 characters, never empty
  reference?: string | undefined // of an earlier 'requested'
  signal: AbortSignal
}
export type RevocationOutcome =
  | { status: 'confirmed' }
  | { status: 'requested'; reference?: string | undefined; retryAfterSeconds?: number | undefined }

export interface RenewalInfo {
  windowStart: Date
  windowEnd: Date
  explanationUrl?: string | undefined
  retryAfterSeconds: number
}

export interface Authority {
  certificatePem: string
  chainPem: string
  keyAlgorithm: 'RSA' | 'EC' | 'Ed25519' | 'ML-DSA'
  /** Signature over the bytes, in the form X.509 carries it, with the algorithm identifier (DER) it was made under. */
  sign(tbs: Uint8Array): Promise<{ algorithm: Uint8Array; signature: Uint8Array }>
  /** Present where the key is in this process and the algorithm is fast: saves the hop. */
  signNow?(tbs: Uint8Array): { algorithm: Uint8Array; signature: Uint8Array }
}

/** Completes a definition: makes its JSON Schema and refuses a field without a description. */
export function defineIssuer<Config>(definition: DefinitionInput<IssuerDefinition<Config>>): IssuerDefinition<Config> {
  return define(definition)
}
