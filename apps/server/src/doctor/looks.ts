import type { DnsReply, RecordOf, RecordType } from './dns/dns-record.js'

/** Everything a check may see. Each look is taken once, however many checks ask for it; none of them changes anything. */
export interface Looks extends DnsLooks, WebLooks, IssuerLooks {
  now(): Date
}

export interface DnsLooks {
  /** One question to one server, by its address. */
  ask(question: DnsQuery): Promise<DnsReply>
  /** From the roots down to the zone that holds the name, servers asked themselves. */
  descend(name: string): Promise<Descent>
  /** What the zones' own servers say, aliases followed: what the resolver of a CA sees. Of resolvers, where no root can be asked. */
  resolve<T extends RecordType>(name: string, type: T): Promise<Resolution<T>>
  /** What this machine's resolvers say. */
  recall<T extends RecordType>(name: string, type: T): Promise<Resolution<T>>
  readonly resolvers: readonly string[]
}

export interface DnsQuery {
  server: string
  name: string
  type: RecordType
  /** Asks a resolver to find the answer, `unchecked`: without judging signatures. */
  recursion?: 'checked' | 'unchecked' | undefined
}

export interface NameServer {
  host: string
  addresses: readonly string[]
  /** Whether its own name lies in the zone that it serves, and the parent gave no address for it. */
  lacksGlue: boolean
}

export interface Zone {
  /** `''` is the root. */
  name: string
  /** As the parent names them. */
  servers: readonly NameServer[]
}

export interface Descent {
  /** Root first; the last one is the deepest that could be found. */
  zones: readonly Zone[]
  /** `denied`: there is no such name. `stuck`: no server of the last zone answers for it. */
  end: 'reached' | 'denied' | 'stuck'
}

export type Resolution<T extends RecordType> = {
  /** Names asked for, the first to the one that answered. */
  chain: readonly string[]
} & (
  | { state: 'found'; records: readonly RecordOf<T>[] }
  | { state: 'none' }
  | { state: 'no_such_name' }
  | { state: 'loop' }
  | { state: 'failed'; reason: string }
)

export interface WebLooks {
  /** One request to one address of the name that is asked about; redirects are not followed. */
  visit(place: Visit): Promise<WebLook>
  /** From where an address can be reached: `private` within a network, `nowhere` not even there. */
  reachOf(address: string): 'public' | 'private' | 'nowhere'
  /** What an http-01 token could be called, and no order has. */
  readonly token: string
}

export interface Visit {
  address: string
  scheme: 'http' | 'https'
  path: string
}

/** `unseen`: not asked, since it may not be or since there is no way to it from here. */
export type WebLook =
  | { state: 'answered'; status: number; location?: string | undefined; echoesToken: boolean }
  | { state: 'closed' | 'filtered' }
  | { state: 'not_http'; reason: string }
  | { state: 'unseen'; reason: string }

export interface IssuerLooks {
  /** `undefined`: the issuer has none. */
  directory(): Promise<DirectoryLook | undefined>
  /** Names by which the CA goes in CAA and standing records, in lower case; none where it does not say. */
  identities(): Promise<readonly string[]>
  /** Its own test; `undefined`: it has none. */
  testIssuer(): Promise<Tested | undefined>
  /** `undefined`: it keeps no account of its CA's limits. */
  budget(): Promise<{ fits: boolean; nextAt?: Date | undefined; detail: string } | undefined>
  /** `undefined`: the issuer uses none. */
  testProvider(): Promise<(Tested & { id: string }) | undefined>
  /** Names of variables that set a proxy. */
  readonly proxies: readonly string[]
}

/** `account`: its URL at the CA, where it has one. */
export type Tested = { works: true; detail: string; account?: string | undefined } | { works: false; reason: string }

export type DirectoryLook = { url: string } & (
  | { state: 'silent'; reason: string }
  | {
      state: 'answered'
      status: number
      location?: string | undefined
      isJson: boolean
      /** What is missing of what every ACME directory names. */
      missing: readonly string[]
      caaIdentities: readonly string[]
      /** What the CA's clock said, and what ours said then. */
      theirTime?: Date | undefined
      ourTime: Date
    }
)
