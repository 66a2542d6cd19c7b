import { type Method, methods } from '../subject.js'

/** What an ACME issuer is told, by the names that such issuers have their settings under; others have none of them. */
export interface AcmeSettings {
  directoryUrl?: string | undefined
  challengeType?: Method | undefined
  /** Id of a configured DNS provider. */
  dnsProvider?: string | undefined
  /** Whether it can write TXT records. */
  writesDns: boolean
  resolvers?: readonly string[] | undefined
  caBundlePath?: string | undefined
  /** Under which name the CA goes in standing records, where somebody wrote it down. */
  issuerDomain?: string | undefined
}

/** Takes no secret out of a configuration. */
export function readAcmeSettings(config: Readonly<Record<string, unknown>>): AcmeSettings {
  const text = (name: string) => {
    const value = config[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const resolvers = config.dns_resolvers
  return {
    directoryUrl: text('directory_url'),
    challengeType: methods.find((method) => method === text('challenge_type')),
    dnsProvider: text('dns_provider'),
    writesDns: text('dns_provider') !== undefined || text('dns_present_script') !== undefined,
    resolvers: Array.isArray(resolvers) ? resolvers.filter((one) => typeof one === 'string') : undefined,
    caBundlePath: text('ca_bundle_path'),
    issuerDomain: text('dns_persist_issuer_domain'),
  }
}
