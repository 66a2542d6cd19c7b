import { defineIssuer, type EnvironmentInstance } from '@certctl/core'
import type { Acme } from './acme.js'
import { askRenewalInfo } from './ari.js'
import { askBudget } from './budget/ask-budget.js'
import { configSchema } from './config.js'
import { maintain } from './maintain.js'
import { advance } from './order/advance.js'
import { place } from './order/place.js'
import { lastChain } from './order/record-issued.js'
import { type reasonCodes, revoke } from './revoke.js'
import { testConnection } from './test-connection.js'
import { createTransport } from './transport/transport.js'

const shared = {
  email: 'CERTCTL_ACME_EMAIL',
  challenge_type: 'CERTCTL_ACME_CHALLENGE_TYPE',
  challenge_by: 'CERTCTL_ACME_CHALLENGE_BY',
  http_port: 'CERTCTL_ACME_HTTP_PORT',
  tls_alpn_port: 'CERTCTL_ACME_TLS_ALPN_PORT',
  dns_provider: 'CERTCTL_ACME_DNS_PROVIDER',
  dns_present_script: 'CERTCTL_ACME_DNS_PRESENT_SCRIPT',
  dns_cleanup_script: 'CERTCTL_ACME_DNS_CLEANUP_SCRIPT',
  dns_propagation_check: 'CERTCTL_ACME_DNS_PROPAGATION_CHECK',
  dns_propagation_wait: 'CERTCTL_ACME_DNS_PROPAGATION_WAIT',
  dns_propagation_timeout: 'CERTCTL_ACME_DNS_PROPAGATION_TIMEOUT',
  dns_resolvers: 'CERTCTL_ACME_DNS_RESOLVERS',
  dns_persist_issuer_domain: 'CERTCTL_ACME_DNS_PERSIST_ISSUER_DOMAIN',
  dns_persist_until: 'CERTCTL_ACME_DNS_PERSIST_UNTIL',
  profile: 'CERTCTL_ACME_PROFILE',
  preferred_chain: 'CERTCTL_ACME_PREFERRED_CHAIN',
  account_key_rollover_days: 'CERTCTL_ACME_ACCOUNT_KEY_ROLLOVER_DAYS',
  terms_agreed: 'CERTCTL_ACME_TERMS_AGREED',
  ari_enabled: 'CERTCTL_ACME_ARI_ENABLED',
  request_timeout_seconds: 'CERTCTL_ACME_REQUEST_TIMEOUT_SECONDS',
  order_timeout_seconds: 'CERTCTL_ACME_ORDER_TIMEOUT_SECONDS',
}

/** What belongs to one directory only: the operator's own, never Let's Encrypt's staging. */
const own = {
  ...shared,
  eab_kid: 'CERTCTL_ACME_EAB_KID',
  eab_hmac: 'CERTCTL_ACME_EAB_HMAC',
  account_key_path: 'CERTCTL_ACME_ACCOUNT_KEY_PATH',
  ca_bundle_path: 'CERTCTL_ACME_CA_BUNDLE_PATH',
}

const environment: EnvironmentInstance[] = [
  {
    id: 'iss-acme-staging',
    name: "Let's Encrypt staging",
    variables: { ...shared, directory_url: 'CERTCTL_ACME_STAGING_DIRECTORY_URL' },
    defaults: { directory_url: 'https://acme-staging-v02.api.letsencrypt.org/directory' },
  },
  {
    id: 'iss-acme-prod',
    name: 'ACME',
    variables: { ...own, directory_url: 'CERTCTL_ACME_DIRECTORY_URL' },
    defaults: { directory_url: 'https://acme-v02.api.letsencrypt.org/directory' },
  },
]

/** Any ACME v2 server (RFC 8555): an order is a row that moves on by short steps, whichever copy of the server takes them. */
export default defineIssuer({
  type: 'ACME',
  aliases: ['letsencrypt', 'zerossl'],
  displayName: 'ACME v2',
  configSchema,
  environment,
  capabilities: {
    operations: ['poll', 'revoke', 'renewalInfo', 'budget', 'caCertificates', 'maintain', 'test'],
    names: ['dns', 'wildcard', 'ip'],
    honours: [],
    revocationReasons: [
      'unspecified',
      'keyCompromise',
      'superseded',
      'cessationOfOperation',
    ] satisfies (keyof typeof reasonCodes)[],
    metered: true,
  },

  create(config, host) {
    const acme: Acme = { config, host, transport: createTransport(config, host) }
    return {
      issue: async ({ signal, ...request }) => await place(acme, request, signal),
      poll: async (order) => await advance(acme, order),
      revoke: async (request) => await revoke(acme, request),
      renewalInfo: async (certificate, signal) => await askRenewalInfo(acme, certificate, signal),
      budget: async (question) => await askBudget(acme, question),
      caCertificates: async () => await lastChain(acme),
      maintain: async (signal) => await maintain(acme, signal),
      test: async (signal) => await testConnection(acme, signal),
    }
  },
})
