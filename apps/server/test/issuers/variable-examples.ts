/** How one variable is tried: with what beside it, and between which two values. */
export interface VariableExample {
  /** What it is set to. */
  value: string
  /** What must stand beside it; may hold another value of its own. */
  beside?: Readonly<Record<string, string>>
  /** The fields of the parsed configuration that differ then, where these are not the field itself alone. */
  changes?: readonly string[]
}

const registration = (username: string): string =>
  JSON.stringify({ 'example.com': { username, password: 'p', fulldomain: 'a.auth.example', subdomain: 'a' } })
const serviceAccount = (client_email: string): string =>
  JSON.stringify({ type: 'service_account', client_email, private_key: '-----BEGIN PRIVATE KEY-----\nMA==\n' })
const uuid = (digit: string): string => '00000000-0000-0000-0000-00000000000x'.replaceAll(/[0x]/g, digit)

const dnsScripts = { CERTCTL_ACME_DNS_PRESENT_SCRIPT: '/etc/certctl/dns/create' }
const binding = { CERTCTL_ACME_EAB_KID: 'a-kid', CERTCTL_ACME_EAB_HMAC: 'bWFj' }
const appRole = { CERTCTL_VAULT_TOKEN: '', CERTCTL_VAULT_ROLE_ID: 'a-role', CERTCTL_VAULT_SECRET_ID: 'a-secret' }
const oauth = {
  CERTCTL_EJBCA_AUTH_MODE: 'oauth2',
  CERTCTL_EJBCA_TOKEN_URL: 'https://login.internal/token',
  CERTCTL_EJBCA_CLIENT_ID: 'a-client',
  CERTCTL_EJBCA_CLIENT_SECRET: 'a-secret',
}
const azureClient = {
  CERTCTL_AZURE_DNS_TENANT_ID: 'example.com',
  CERTCTL_AZURE_DNS_CLIENT_ID: uuid('2'),
  CERTCTL_AZURE_DNS_CLIENT_SECRET: 'a-secret',
}
const accessKey = { CERTCTL_ROUTE53_ACCESS_KEY_ID: 'AKIDEXAMPLE', CERTCTL_ROUTE53_SECRET_ACCESS_KEY: 'a-secret' }
const role = { CERTCTL_ROUTE53_ROLE_ARN: 'arn:aws:iam::123456789012:role/certctl' }

/** The least that each instance needs; instances that are not here are made without any variable. */
export const leastEnvironment: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'iss-stepca': { CERTCTL_STEPCA_URL: 'https://ca.internal:9000', CERTCTL_STEPCA_PROVISIONER: 'certctl' },
  'iss-vault': {
    CERTCTL_VAULT_ADDR: 'https://vault.internal:8200',
    CERTCTL_VAULT_TOKEN: 'a-token',
    CERTCTL_VAULT_ROLE: 'web',
  },
  'iss-ejbca': {
    CERTCTL_EJBCA_API_URL: 'https://ejbca.internal:8443',
    CERTCTL_EJBCA_CLIENT_CERT_PATH: '/etc/certctl/ra.pem',
    CERTCTL_EJBCA_CLIENT_KEY_PATH: '/etc/certctl/ra.key',
    CERTCTL_EJBCA_CA_NAME: 'Issuing CA',
  },
  'iss-openssl': { CERTCTL_OPENSSL_SIGN_SCRIPT: '/etc/certctl/openssl/sign' },
  'dns-acme-dns': { CERTCTL_ACME_DNS_SERVER_URL: 'https://auth.internal' },
  'dns-azure': { CERTCTL_AZURE_DNS_SUBSCRIPTION_ID: uuid('1') },
  'dns-cloudflare': { CERTCTL_CLOUDFLARE_API_TOKEN: 'a-token' },
  'dns-google': {
    CERTCTL_GOOGLE_DNS_PROJECT: 'a-project',
    CERTCTL_GOOGLE_DNS_CREDENTIALS: serviceAccount('a@example.com'),
  },
  'dns-rfc2136': { CERTCTL_RFC2136_SERVER: 'ns1.example.com' },
  'dns-route53': { CERTCTL_ROUTE53_REGION: 'us-east-1' },
  'dns-script': { CERTCTL_DNS_PRESENT_SCRIPT: '/etc/certctl/dns/create' },
}

export const variableExamples: Readonly<Record<string, VariableExample>> = {
  CERTCTL_ACME_ACCOUNT_KEY_PATH: { value: '/etc/certctl/account.key' },
  CERTCTL_ACME_ACCOUNT_KEY_ROLLOVER_DAYS: { value: '90' },
  CERTCTL_ACME_ARI_ENABLED: { value: 'false' },
  CERTCTL_ACME_CA_BUNDLE_PATH: { value: '/etc/certctl/ca.pem' },
  CERTCTL_ACME_CHALLENGE_BY: { value: 'agents' },
  CERTCTL_ACME_CHALLENGE_TYPE: { value: 'dns-01', beside: dnsScripts },
  CERTCTL_ACME_DIRECTORY_URL: { value: 'https://ca.internal/acme/directory' },
  CERTCTL_ACME_DNS_CLEANUP_SCRIPT: { value: '/etc/certctl/dns/delete', beside: dnsScripts },
  CERTCTL_ACME_DNS_PERSIST_ISSUER_DOMAIN: { value: 'letsencrypt.org' },
  CERTCTL_ACME_DNS_PERSIST_UNTIL: { value: '2027-12-31T00:00:00Z' },
  CERTCTL_ACME_DNS_PRESENT_SCRIPT: { value: '/etc/certctl/dns/other', beside: dnsScripts },
  CERTCTL_ACME_DNS_PROPAGATION_CHECK: { value: 'no' },
  CERTCTL_ACME_DNS_PROPAGATION_TIMEOUT: { value: '60' },
  CERTCTL_ACME_DNS_PROPAGATION_WAIT: { value: '5' },
  CERTCTL_ACME_DNS_PROVIDER: { value: 'dns-cloudflare' },
  CERTCTL_ACME_DNS_RESOLVERS: { value: '192.0.2.53, [2001:db8::1]:5353' },
  CERTCTL_ACME_EAB_HMAC: { value: 'b3RoZXI', beside: binding },
  CERTCTL_ACME_EAB_KID: { value: 'other-kid', beside: binding },
  CERTCTL_ACME_EMAIL: { value: 'admin@example.com' },
  CERTCTL_ACME_HTTP_PORT: { value: '8080' },
  CERTCTL_ACME_ORDER_TIMEOUT_SECONDS: { value: '600' },
  CERTCTL_ACME_PREFERRED_CHAIN: { value: 'shortest' },
  CERTCTL_ACME_PROFILE: { value: 'shortlived' },
  CERTCTL_ACME_REQUEST_TIMEOUT_SECONDS: { value: '10' },
  CERTCTL_ACME_STAGING_DIRECTORY_URL: { value: 'https://staging.internal/acme/directory' },
  CERTCTL_ACME_TERMS_AGREED: { value: '0' },
  CERTCTL_ACME_TLS_ALPN_PORT: { value: '8443' },
  CERTCTL_ACME_DNS_ACCOUNTS: { value: registration('other'), beside: { CERTCTL_ACME_DNS_ACCOUNTS: registration('u') } },
  CERTCTL_ACME_DNS_ALLOW_FROM: { value: '192.0.2.0/24,2001:db8::/32' },
  CERTCTL_ACME_DNS_CA_PEM: { value: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n' },
  CERTCTL_ACME_DNS_CHECK_CNAME: { value: 'false' },
  CERTCTL_ACME_DNS_REGISTER: { value: 'false' },
  CERTCTL_ACME_DNS_SERVER_URL: { value: 'https://other.internal' },
  CERTCTL_AZURE_DNS_CLIENT_ID: { value: uuid('3') },
  CERTCTL_AZURE_DNS_CLIENT_SECRET: { value: 'other-secret', beside: azureClient },
  CERTCTL_AZURE_DNS_CLOUD: { value: 'china', changes: ['cloud', 'endpoint', 'loginEndpoint'] },
  CERTCTL_AZURE_DNS_ENDPOINT: { value: 'https://arm.internal' },
  CERTCTL_AZURE_DNS_FEDERATED_TOKEN_FILE: {
    value: '/var/run/token',
    beside: { ...azureClient, CERTCTL_AZURE_DNS_CLIENT_SECRET: '' },
  },
  CERTCTL_AZURE_DNS_IDENTITY_ENDPOINT: { value: 'http://127.0.0.1:40342' },
  CERTCTL_AZURE_DNS_LOGIN_ENDPOINT: { value: 'https://login.internal', changes: ['loginEndpoint'] },
  CERTCTL_AZURE_DNS_RESOURCE_GROUP: { value: 'dns-zones' },
  CERTCTL_AZURE_DNS_SUBSCRIPTION_ID: { value: uuid('4') },
  CERTCTL_AZURE_DNS_TENANT_ID: { value: 'other.example', beside: azureClient },
  CERTCTL_AZURE_DNS_ZONE: { value: 'example.com' },
  CERTCTL_CA_CERT_PATH: {
    value: '/etc/certctl/ca/other.pem',
    beside: { CERTCTL_CA_CERT_PATH: '/etc/certctl/ca/ca.pem', CERTCTL_CA_KEY_PATH: '/etc/certctl/ca/ca-key.pem' },
  },
  CERTCTL_CA_COMMON_NAME: { value: 'Internal CA' },
  CERTCTL_CA_KEY_ALGORITHM: { value: 'EC-P384' },
  CERTCTL_CA_KEY_PATH: {
    value: '/etc/certctl/ca/other-key.pem',
    beside: { CERTCTL_CA_CERT_PATH: '/etc/certctl/ca/ca.pem', CERTCTL_CA_KEY_PATH: '/etc/certctl/ca/ca-key.pem' },
  },
  CERTCTL_CA_VALIDITY_DAYS: { value: '30' },
  CERTCTL_CLOUDFLARE_API_TOKEN: { value: 'other-token' },
  CERTCTL_CLOUDFLARE_ENDPOINT: { value: 'https://cloudflare.internal/client/v4' },
  CERTCTL_CLOUDFLARE_ZONE: { value: 'example.com' },
  CERTCTL_CLOUDFLARE_ZONE_ID: {
    value: '0123456789abcdef0123456789abcdef',
    beside: { CERTCTL_CLOUDFLARE_ZONE: 'example.com' },
  },
  CERTCTL_DNS_CLEANUP_SCRIPT: { value: '/etc/certctl/dns/delete' },
  CERTCTL_DNS_PRESENT_SCRIPT: { value: '/etc/certctl/dns/other' },
  CERTCTL_DNS_SCRIPT_TIMEOUT: { value: '2m' },
  CERTCTL_EJBCA_API_URL: { value: 'https://other.internal:8443' },
  CERTCTL_EJBCA_AUTH_MODE: { value: 'oauth2', beside: { CERTCTL_EJBCA_TOKEN: 'a-token' } },
  CERTCTL_EJBCA_CA_NAME: { value: 'Other CA' },
  CERTCTL_EJBCA_CERT_PROFILE: { value: 'TLS' },
  CERTCTL_EJBCA_CLIENT_CERT_PATH: { value: '/etc/certctl/other.pem' },
  CERTCTL_EJBCA_CLIENT_ID: { value: 'other-client', beside: oauth },
  CERTCTL_EJBCA_CLIENT_KEY_PATH: { value: '/etc/certctl/other.key' },
  CERTCTL_EJBCA_CLIENT_SECRET: { value: 'other-secret', beside: oauth },
  CERTCTL_EJBCA_EE_PROFILE: { value: 'Machines' },
  CERTCTL_EJBCA_SCOPE: { value: 'ejbca', beside: oauth },
  CERTCTL_EJBCA_SERVER_CA_PATH: { value: '/etc/certctl/ejbca-ca.pem' },
  CERTCTL_EJBCA_TOKEN: {
    value: 'other-token',
    beside: { CERTCTL_EJBCA_AUTH_MODE: 'oauth2', CERTCTL_EJBCA_TOKEN: 'a-token' },
  },
  CERTCTL_EJBCA_TOKEN_URL: { value: 'https://other.internal/token', beside: oauth },
  CERTCTL_EJBCA_USERNAME_TEMPLATE: { value: 'certctl-{common_name}' },
  CERTCTL_GOOGLE_DNS_CREDENTIALS: { value: serviceAccount('b@example.com') },
  CERTCTL_GOOGLE_DNS_ENDPOINT: { value: 'https://dns.internal' },
  CERTCTL_GOOGLE_DNS_MANAGED_ZONE: { value: 'a-zone' },
  CERTCTL_GOOGLE_DNS_METADATA_ENDPOINT: { value: 'http://127.0.0.1:8080' },
  CERTCTL_GOOGLE_DNS_PROJECT: { value: 'other-project' },
  CERTCTL_OPENSSL_CA_CERT_PATH: { value: '/etc/certctl/openssl/chain.pem' },
  CERTCTL_OPENSSL_CRL_SCRIPT: { value: '/etc/certctl/openssl/crl' },
  CERTCTL_OPENSSL_REVOKE_SCRIPT: { value: '/etc/certctl/openssl/revoke' },
  CERTCTL_OPENSSL_SIGN_SCRIPT: { value: '/etc/certctl/openssl/other' },
  CERTCTL_OPENSSL_TIMEOUT_SECONDS: { value: '60' },
  CERTCTL_RFC2136_PORT: { value: '5353' },
  CERTCTL_RFC2136_SERVER: { value: '192.0.2.53' },
  CERTCTL_RFC2136_TIMEOUT: { value: '30s' },
  CERTCTL_RFC2136_TSIG_ALGORITHM: { value: 'hmac-sha512' },
  CERTCTL_RFC2136_TSIG_KEY_NAME: {
    value: 'other',
    beside: { CERTCTL_RFC2136_TSIG_KEY_NAME: 'certctl', CERTCTL_RFC2136_TSIG_SECRET: 'c2VjcmV0' },
  },
  CERTCTL_RFC2136_TSIG_SECRET: {
    value: 'b3RoZXIh',
    beside: { CERTCTL_RFC2136_TSIG_KEY_NAME: 'certctl', CERTCTL_RFC2136_TSIG_SECRET: 'c2VjcmV0' },
  },
  CERTCTL_RFC2136_ZONE: { value: 'example.com' },
  CERTCTL_ROUTE53_ACCESS_KEY_ID: { value: 'AKIDOTHER', beside: accessKey },
  CERTCTL_ROUTE53_ENDPOINT: { value: 'https://vpce.internal' },
  CERTCTL_ROUTE53_EXTERNAL_ID: { value: 'an-id', beside: role },
  CERTCTL_ROUTE53_HOSTED_ZONE_ID: { value: '/hostedzone/Z0123456789ABCDEFGHIJ' },
  CERTCTL_ROUTE53_PROFILE: { value: 'certctl' },
  CERTCTL_ROUTE53_REGION: { value: 'cn-northwest-1' },
  CERTCTL_ROUTE53_ROLE_ARN: { value: 'arn:aws:iam::123456789012:role/other', beside: role },
  CERTCTL_ROUTE53_SECRET_ACCESS_KEY: { value: 'other-secret', beside: accessKey },
  CERTCTL_ROUTE53_SESSION_TOKEN: { value: 'a-session', beside: accessKey },
  CERTCTL_ROUTE53_TIMEOUT: { value: '1m' },
  CERTCTL_STEPCA_KEY_PATH: { value: '/etc/certctl/stepca/provisioner.json' },
  CERTCTL_STEPCA_PASSWORD: { value: 'a-password' },
  CERTCTL_STEPCA_PROVISIONER: { value: 'other' },
  CERTCTL_STEPCA_PROVISIONER_KID: { value: 'a-kid' },
  CERTCTL_STEPCA_ROOT_CERT: { value: '/etc/certctl/stepca/root_ca.crt' },
  CERTCTL_STEPCA_ROOT_FINGERPRINT: { value: 'AB:'.repeat(31).concat('AB') },
  CERTCTL_STEPCA_URL: { value: 'https://other.internal:9000' },
  CERTCTL_STEPCA_VALIDITY_DAYS: { value: '90' },
  CERTCTL_VAULT_ADDR: { value: 'https://other.internal:8200' },
  CERTCTL_VAULT_APPROLE_MOUNT: { value: 'machines' },
  CERTCTL_VAULT_CA_CERT: { value: '/etc/certctl/vault-ca.pem' },
  CERTCTL_VAULT_MOUNT: { value: 'team/pki' },
  CERTCTL_VAULT_NAMESPACE: { value: 'team' },
  CERTCTL_VAULT_ROLE: { value: 'mail' },
  CERTCTL_VAULT_ROLE_ID: { value: 'other-role', beside: appRole },
  CERTCTL_VAULT_SECRET_ID: { value: 'other-secret', beside: appRole },
  CERTCTL_VAULT_TOKEN: { value: 'other-token' },
  CERTCTL_VAULT_TTL: { value: '720h' },
}
