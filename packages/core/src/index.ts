export { z } from 'zod'
export type {
  Closable,
  Definition,
  EnvironmentInstance,
  Fingerprint,
  GeneralName,
  JsonValue,
  RevocationReason,
  SerialNumber,
  Testable,
} from './contract.js'
export { type DefinitionInput, jsonSchemaOf } from './define.js'
export {
  contractNumber,
  type DiscoverOptions,
  type DiscoveryProblem,
  discoverConnectors,
  packageFolder,
} from './discover.js'
export {
  type DiscoveryCapabilities,
  type DiscoveryDefinition,
  type DiscoverySource,
  defineDiscovery,
  type Sighting,
} from './discovery.js'
export { type DnsConnector, type DnsDefinition, defineDns, type TxtRecord } from './dns.js'
export { formatDuration, parseDuration } from './duration.js'
export {
  CertctlError,
  type CodeMeaning,
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  type FieldFault,
  isCertctlError,
  messageOf,
} from './errors.js'
export {
  commandLine,
  duration,
  fileFields,
  fileMode,
  filePath,
  hostname,
  type Mark,
  markKey,
  port,
  readPath,
  scriptPath,
  secret,
  url,
} from './fields.js'
export type {
  CommandResult,
  Connection,
  ConnectOptions,
  DnsQuestion,
  FileOptions,
  FileStat,
  FileSystem,
  Host,
  HttpClient,
  HttpOptions,
  HttpRequest,
  HttpResponse,
  Logger,
  RunOptions,
  StateStore,
  Stored,
  TlsMaterial,
  Transport,
} from './host.js'
export {
  type Authority,
  type ChallengeAnswer,
  type ChallengeResponder,
  defineIssuer,
  type IssuanceRequest,
  type IssuedRef,
  type IssuerCapabilities,
  type IssuerConnector,
  type IssuerDefinition,
  type IssuerHost,
  type IssuerOperation,
  type OrderOutcome,
  type OrderRef,
  type RenewalInfo,
  type RevocationOutcome,
  type RevocationRequest,
} from './issuer.js'
export {
  defineNotifier,
  type Message,
  type NotifierCapabilities,
  type NotifierConnector,
  type NotifierDefinition,
  type RecipientOutcome,
} from './notifier.js'
export { faultsOf, parseConfig, parseTargetConfig } from './parse-config.js'
export {
  type ConnectorKind,
  connectorKinds,
  createRegistry,
  type DefinitionsByKind,
  looseType,
  looseTypesOf,
  type Registered,
  type Registry,
} from './registry.js'
export { scriptFault } from './script-fault.js'
export { isSecret, Secret } from './secret.js'
export {
  type CertificateMaterial,
  type DeploymentReceipt,
  type DeploymentRequest,
  defineTarget,
  type Endpoint,
  type PlannedChange,
  type TargetCapabilities,
  type TargetConnector,
  type TargetDefinition,
  type TargetHost,
  type VerificationReport,
  type VerificationRequest,
} from './target.js'
export { endpointSchema, splitTargetConfig, type TargetSettings, targetSettingsSchema } from './target-settings.js'
