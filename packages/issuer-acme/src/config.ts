import { hostname, port, readPath, scriptPath, secret, url, z } from '@certctl/core'

/** An address, or an address with a port, as `host.resolve` takes it. */
const resolver = z
  .string()
  .regex(/^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-fA-F:]*:[0-9a-fA-F:]*|\[[0-9a-fA-F:]+\](?::\d{1,5})?)$/, {
    message: 'must be an IP address, or an IP address with a port',
  })

const challengeTypes = ['http-01', 'dns-01', 'dns-persist-01', 'tls-alpn-01'] as const

export const configSchema = z
  .strictObject({
    directory_url: url()
      .refine((value) => value.startsWith('https://'), 'must begin with https://')
      .describe('ACME directory of the CA. Every other address of the CA must be on the same host.'),
    email: z
      .email('must be an e-mail address')
      .optional()
      .describe('Contact of the account, where the CA wants one. ZeroSSL needs it when no EAB credentials are given.'),
    challenge_type: z
      .enum(challengeTypes)
      .prefault('http-01')
      .describe(
        'How names are proven. Wildcards are always proven by DNS, IP addresses never are; dns-persist-01 falls back to dns-01 where the CA does not offer it.',
      ),
    challenge_by: z
      .enum(['server', 'agents'])
      .prefault('server')
      .describe(
        'Who answers http-01 and tls-alpn-01: this server, or the agents on the hosts that have the name (port 80 or 443 there).',
      ),
    http_port: port()
      .prefault(80)
      .describe('Port on which http-01 is answered here. The CA always begins at port 80; forward that one.'),
    tls_alpn_port: port()
      .prefault(443)
      .describe('Port on which tls-alpn-01 is answered here. The CA always begins at port 443; forward that one.'),
    dns_provider: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe('Configured DNS provider that writes the TXT records, by its id. Instead of the scripts.'),
    dns_present_script: scriptPath()
      .optional()
      .describe('Script that adds a TXT record: CERTCTL_DNS_FQDN gets the value CERTCTL_DNS_VALUE beside others.'),
    dns_cleanup_script: scriptPath()
      .optional()
      .describe('Script that removes that one value again. Not run for dns-persist-01, whose record stands.'),
    dns_propagation_check: z
      .boolean()
      .prefault(true)
      .describe('Whether name servers are asked for the record before the CA is. Without it, only the wait counts.'),
    dns_propagation_wait: z
      .int()
      .min(0)
      .max(3600)
      .prefault(30)
      .describe(
        'Seconds after which name servers that do not answer are no longer waited for; without the check, the pause before the CA is asked.',
      ),
    dns_propagation_timeout: z
      .int()
      .min(10)
      .max(86_400)
      .prefault(900)
      .describe('Seconds after which an order is given up because name servers still answer without the record.'),
    dns_resolvers: z
      .array(resolver)
      .max(8)
      .optional()
      .describe('Resolvers that are asked instead of the system’s (address or address:port).'),
    dns_persist_issuer_domain: hostname()
      .optional()
      .describe('dns-persist-01: the CA’s domain in the record; refused when the CA does not name it among its own.'),
    dns_persist_until: z.iso
      .datetime({ offset: true, error: 'must be a time such as 2027-12-31T00:00:00Z' })
      .optional()
      .describe(
        'dns-persist-01: when the standing record stops to authorize. Without it, it authorizes until removed.',
      ),
    eab_kid: z.string().trim().min(1).max(1024).optional().describe('Key id of the external account binding.'),
    eab_hmac: secret()
      .optional()
      .describe('MAC key of the external account binding, base64 or base64url, padded or not.'),
    profile: z
      .string()
      .trim()
      .min(1)
      .max(128)
      .optional()
      .describe(
        'Profile of the CA, checked against its directory; one that the request names wins. Default: the CA’s.',
      ),
    preferred_chain: z
      .string()
      .trim()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'Chain to take where the CA offers several: `shortest`, the SHA-256 fingerprint of the root, or the common name of an issuer in it.',
      ),
    account_key_path: readPath()
      .optional()
      .describe('PEM file with an existing account key (EC or RSA, unencrypted), taken over into the sealed state.'),
    account_key_rollover_days: z
      .int()
      .min(1)
      .max(3650)
      .optional()
      .describe('Age at which the account key is replaced by a fresh one. Without it, it stays.'),
    terms_agreed: z
      .boolean()
      .prefault(true)
      .describe('Whether the terms of service of the CA are agreed to; an account cannot be made without.'),
    ari_enabled: z
      .boolean()
      .prefault(true)
      .describe('Whether the CA is asked when to renew (RFC 9773), where its directory offers that.'),
    ca_bundle_path: readPath()
      .optional()
      .describe('PEM file with the CAs that the ACME server’s own certificate is judged by, instead of the system’s.'),
    request_timeout_seconds: z.int().min(1).max(110).prefault(30).describe('Longest time one answer may take.'),
    order_timeout_seconds: z
      .int()
      .min(60)
      .max(2_592_000)
      .prefault(86_400)
      .describe('Age at which an order whose names are still not proven is given up; a new one follows.'),
  })
  .refine(({ eab_kid, eab_hmac }) => (eab_kid === undefined) === (eab_hmac === undefined), {
    message: 'eab_kid and eab_hmac go together: give both, or neither',
    path: ['eab_hmac'],
  })
  .refine(({ dns_provider, dns_present_script }) => dns_provider === undefined || dns_present_script === undefined, {
    message: 'dns_provider and dns_present_script are two ways for one thing: give one',
    path: ['dns_present_script'],
  })
  .refine(
    ({ dns_cleanup_script, dns_present_script }) =>
      dns_cleanup_script === undefined || dns_present_script !== undefined,
    {
      message: 'needs dns_present_script',
      path: ['dns_cleanup_script'],
    },
  )
  .refine((config) => !config.challenge_type.startsWith('dns-') || writesDns(config), {
    message: 'is proven by DNS: give dns_provider or dns_present_script',
    path: ['challenge_type'],
  })

export type Config = z.output<typeof configSchema>

interface DnsSettings {
  dns_provider?: string | undefined
  dns_present_script?: string | undefined
}

/** Whether TXT records can be written at all. */
export function writesDns({ dns_provider, dns_present_script }: DnsSettings): boolean {
  return dns_provider !== undefined || dns_present_script !== undefined
}
