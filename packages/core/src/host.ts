/** The machine and the network, as a connector may use them. */
import type { Agent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { JsonValue } from './contract.js'
import type { Secret } from './secret.js'

export interface Host {
  /** The configured instance this host belongs to, and the server's address as outsiders see it. */
  readonly instance: { id: string; publicUrl?: string | undefined }
  readonly files: FileSystem
  /** Never a shell. Own process group, killed as one at the time limit or on abort. A non-zero exit is a result. */
  run(argv: readonly string[], options?: RunOptions): Promise<CommandResult>
  /** Requests to one base URL with their own TLS material and limits; no redirects; answers of any status are results. */
  http(options: HttpOptions): HttpClient
  /** A connected stream for protocols that are not HTTP (SMTP, admin sockets, TSIG, TLS scanning). */
  connect(to: ConnectOptions): Promise<Connection>
  /** Upgrades a stream after STARTTLS. */
  startTls(stream: Connection, tls: TlsMaterial): Promise<Connection>
  /** What a vendor's SDK needs to obey our limits, proxy and trust. */
  transport(options?: TlsMaterial): Transport
  /** Text forms; a name that does not exist is an empty list, a server that fails rejects. */
  resolve(question: DnsQuestion): Promise<readonly string[]>
  readonly state: StateStore
  /** Joins a run of `action` under this key that has not begun, never one that has; shares its outcome. For reloads. */
  shared<T>(key: string, action: () => Promise<T>): Promise<T>
  readonly log: Logger
  now(): Date
  /** Waits; rejects `aborted` when the signal fires. Moved by the test's clock. */
  delay(seconds: number, signal: AbortSignal): Promise<void>
  /** Key generation may use the platform's own; everything else random comes from here. */
  random(bytes: number): Uint8Array
}
export interface Connection extends Duplex {
  /** Present on TLS: the chain as sent, leaf first (DER), and what was agreed. Read once, at the handshake. */
  readonly peer?: { chain: readonly Uint8Array[]; protocol: string; cipher: string } | undefined
}

export interface FileSystem {
  read(path: string, options?: { maxBytes?: number | undefined }): Promise<Uint8Array>
  /** `undefined`: nothing there. Follows links; says where they lead. */
  stat(path: string): Promise<FileStat | undefined>
  list(path: string): Promise<readonly string[]>
  /** All readers see the old or the new content. Temporary name in the same directory, dot-named, final mode before content, fsync. */
  replace(path: string, content: Uint8Array | string, options: FileOptions): Promise<void>
  remove(path: string): Promise<void>
}
export interface FileStat {
  kind: 'file' | 'directory' | 'other'
  size: number
  mode: number
  uid: number
  gid: number
  realPath: string
  modifiedAt: Date
}
/** Owner and mode of an existing file are kept where not given. `own`: a file of ours that is not certificate material (a snippet, an SDS list), marked as such inside, so that it may be replaced next time. */
export interface FileOptions {
  mode?: number | undefined
  owner?: string | undefined
  group?: string | undefined
  secret?: boolean | undefined
  own?: true | undefined
}

export interface RunOptions {
  stdin?: string | Uint8Array | undefined
  environment?: Readonly<Record<string, string>> | undefined
  timeLimitSeconds?: number | undefined
  signal?: AbortSignal | undefined
  cwd?: string | undefined
  /** Default utf8. `latin1` keeps each byte of the outputs as one character, for programs that print binary. */
  outputEncoding?: 'utf8' | 'latin1' | undefined
  /** What the command leaves behind in its process group ends with it. Not for commands that start services. */
  endGroup?: true | undefined
}
export interface CommandResult {
  exitCode: number
  stdout: string
  stderr: string
  timedOut: boolean
}

export interface TlsMaterial {
  caPem?: string | undefined
  certificatePem?: string | undefined
  privateKeyPem?: Secret | undefined
  serverName?: string | undefined
  pinSpkiSha256?: string | undefined
  minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  insecure?: boolean | undefined
}
export interface HttpOptions {
  baseUrl: string | Secret
  tls?: TlsMaterial | undefined
  timeLimitSeconds?: number | undefined
  maxResponseBytes?: number | undefined
  /** Answered when status and headers are there; the body stays unread, whatever its size, and is empty. */
  statusOnly?: true | undefined
  headers?: Readonly<Record<string, string | Secret | undefined>> | undefined
  unixSocket?: string | undefined
  addresses?: 'any' | 'public-only' | undefined
}
export interface HttpRequest {
  method: string
  path: string | Secret
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  headers?: Readonly<Record<string, string | Secret | undefined>> | undefined
  json?: JsonValue | undefined
  body?: Uint8Array | string | undefined
  form?: Readonly<Record<string, string | Secret | undefined>> | undefined
  signal?: AbortSignal | undefined
}
export interface HttpResponse {
  status: number
  headers: Readonly<Record<string, string>>
  body: Uint8Array
  text(): string
  json(): unknown
  retryAfterSeconds?: number | undefined
}
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>
}
export type ConnectOptions = ({ host: string; port: number } | { unixSocket: string }) & {
  tls?: TlsMaterial | undefined
  timeLimitSeconds?: number | undefined
  addresses?: 'any' | 'public-only' | 'scan' | undefined
  signal?: AbortSignal | undefined
}
export interface Transport {
  httpsAgent: Agent
  caPem?: string | undefined
  proxyUrl?: string | undefined
  connectSeconds: number
  requestSeconds: number
}
export interface DnsQuestion {
  name: string
  type: 'A' | 'AAAA' | 'CNAME' | 'TXT' | 'NS' | 'SOA' | 'CAA' | 'DS'
  servers?: readonly string[] | undefined
  signal?: AbortSignal | undefined
}

/** Sealed at rest. Rows on the server (shared by its copies), files of mode 0600 on an agent. */
export interface StateStore {
  get(key: string): Promise<Stored | undefined>
  /** `expect`: the version seen, or 'absent'; somebody else being faster rejects with `conflict`. */
  put(
    key: string,
    value: JsonValue,
    options?: { expect?: number | 'absent' | undefined; expiresAt?: Date | undefined },
  ): Promise<Stored>
  delete(key: string): Promise<void>
  list(prefix: string): AsyncIterable<Stored>
}
export interface Stored {
  key: string
  value: JsonValue
  version: number
}

export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
}
