/** One way to configure an issuer, as operators have it in their files since long. */
export interface PrintedConfiguration {
  /** What it is for. */
  name: string
  /** The instance that the environment makes. */
  id: string
  type: string
  /** Lines of an environment file. */
  environment: string
  /** The `config` of a request to the API, as JSON. */
  config: string
}

const acme = { id: 'iss-acme-prod', type: 'ACME' }

export const printedAcme: readonly PrintedConfiguration[] = [
  {
    ...acme,
    name: 'ACME by http-01',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme-staging-v02.api.letsencrypt.org/directory
CERTCTL_ACME_EMAIL=admin@example.com
`,
    config: `{
  "directory_url": "https://acme-staging-v02.api.letsencrypt.org/directory",
  "email": "admin@example.com",
  "http_port": 80
}`,
  },
  {
    ...acme,
    name: 'ACME by dns-01',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme-v02.api.letsencrypt.org/directory
CERTCTL_ACME_EMAIL=admin@example.com
CERTCTL_ACME_CHALLENGE_TYPE=dns-01
CERTCTL_ACME_DNS_PRESENT_SCRIPT=/etc/certctl/dns/create-record.sh
CERTCTL_ACME_DNS_CLEANUP_SCRIPT=/etc/certctl/dns/delete-record.sh
`,
    config: `{
  "directory_url": "https://acme-v02.api.letsencrypt.org/directory",
  "email": "admin@example.com",
  "challenge_type": "dns-01",
  "dns_present_script": "/etc/certctl/dns/create-record.sh",
  "dns_cleanup_script": "/etc/certctl/dns/delete-record.sh",
  "dns_propagation_wait": 30
}`,
  },
  {
    ...acme,
    name: 'ACME by dns-persist-01',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme-v02.api.letsencrypt.org/directory
CERTCTL_ACME_EMAIL=admin@example.com
CERTCTL_ACME_CHALLENGE_TYPE=dns-persist-01
CERTCTL_ACME_DNS_PRESENT_SCRIPT=/etc/certctl/dns/create-record.sh
CERTCTL_ACME_DNS_PERSIST_ISSUER_DOMAIN=letsencrypt.org
`,
    config: `{
  "directory_url": "https://acme-v02.api.letsencrypt.org/directory",
  "email": "admin@example.com",
  "challenge_type": "dns-persist-01",
  "dns_present_script": "/etc/certctl/dns/create-record.sh",
  "dns_persist_issuer_domain": "letsencrypt.org",
  "dns_propagation_wait": 30
}`,
  },
  {
    ...acme,
    name: 'ZeroSSL with credentials',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme.zerossl.com/v2/DV90
CERTCTL_ACME_EMAIL=admin@example.com
CERTCTL_ACME_EAB_KID=your-zerossl-eab-kid
CERTCTL_ACME_EAB_HMAC=your-zerossl-eab-hmac-base64url
`,
    config: `{
  "directory_url": "https://acme.zerossl.com/v2/DV90",
  "email": "admin@example.com",
  "eab_kid": "your-zerossl-eab-kid",
  "eab_hmac": "your-zerossl-eab-hmac-base64url"
}`,
  },
  {
    ...acme,
    name: 'ZeroSSL without credentials',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme.zerossl.com/v2/DV90
CERTCTL_ACME_EMAIL=admin@example.com
`,
    config: `{
  "directory_url": "https://acme.zerossl.com/v2/DV90",
  "email": "admin@example.com"
}`,
  },
  {
    ...acme,
    name: 'a profile of six days and the CA asked when to renew',
    environment: `
CERTCTL_ACME_DIRECTORY_URL=https://acme-v02.api.letsencrypt.org/directory
CERTCTL_ACME_EMAIL=admin@example.com
CERTCTL_ACME_PROFILE=shortlived
CERTCTL_ACME_ARI_ENABLED=true
`,
    config: `{
  "directory_url": "https://acme-v02.api.letsencrypt.org/directory",
  "email": "admin@example.com",
  "profile": "shortlived",
  "ari_enabled": true
}`,
  },
]

export const printedStepCa: PrintedConfiguration = {
  name: 'step-ca',
  id: 'iss-stepca',
  type: 'StepCA',
  environment: `
CERTCTL_STEPCA_URL=https://ca.internal:9000
CERTCTL_STEPCA_PROVISIONER=certctl
CERTCTL_STEPCA_KEY_PATH=/etc/certctl/stepca/provisioner.json
CERTCTL_STEPCA_PASSWORD=...
`,
  config: `{
  "ca_url": "https://ca.internal:9000",
  "provisioner_name": "certctl",
  "provisioner_key_path": "/etc/certctl/stepca/provisioner.json",
  "provisioner_password": "...",
  "root_cert_path": "/etc/certctl/stepca/root_ca.crt",
  "validity_days": 90
}`,
}

export const printedVault: PrintedConfiguration = {
  name: 'Vault PKI',
  id: 'iss-vault',
  type: 'VaultPKI',
  environment: `
CERTCTL_VAULT_ADDR=https://vault.internal:8200
CERTCTL_VAULT_TOKEN=hvs.token-of-vault
CERTCTL_VAULT_MOUNT=pki
CERTCTL_VAULT_ROLE=web
CERTCTL_VAULT_TTL=8760h
`,
  config: `{
  "addr": "https://vault.internal:8200",
  "token": "hvs.token-of-vault",
  "mount": "pki",
  "role": "web",
  "ttl": "8760h"
}`,
}

/** Of a sample that circulates and was never this product's: refused by name. */
export const foreignVaultSample = `{
  "address": "https://vault.internal:8200",
  "token": "hvs.token-of-vault",
  "pki_path": "pki",
  "role_name": "web"
}`

export const printedEjbca: Readonly<Record<'mtls' | 'oauth2', PrintedConfiguration>> = {
  mtls: {
    name: 'EJBCA with a client certificate',
    id: 'iss-ejbca',
    type: 'EJBCA',
    environment: `
CERTCTL_EJBCA_API_URL=https://ejbca.internal:8443
CERTCTL_EJBCA_CLIENT_CERT_PATH=/etc/certctl/ejbca/client.pem
CERTCTL_EJBCA_CLIENT_KEY_PATH=/etc/certctl/ejbca/client.key
CERTCTL_EJBCA_CA_NAME=Issuing CA
`,
    config: `{
  "api_url": "https://ejbca.internal:8443",
  "auth_mode": "mtls",
  "client_cert_path": "/etc/certctl/ejbca/client.pem",
  "client_key_path": "/etc/certctl/ejbca/client.key",
  "ca_name": "Issuing CA",
  "cert_profile": "SERVER",
  "ee_profile": "EMPTY"
}`,
  },
  oauth2: {
    name: 'EJBCA with a bearer token',
    id: 'iss-ejbca',
    type: 'EJBCA',
    environment: `
CERTCTL_EJBCA_API_URL=https://ejbca.internal:8443
CERTCTL_EJBCA_AUTH_MODE=oauth2
CERTCTL_EJBCA_TOKEN=token-of-ejbca
CERTCTL_EJBCA_CA_NAME=Issuing CA
CERTCTL_EJBCA_CERT_PROFILE=SERVER
CERTCTL_EJBCA_EE_PROFILE=EMPTY
`,
    config: `{
  "api_url": "https://ejbca.internal:8443",
  "auth_mode": "oauth2",
  "token": "token-of-ejbca",
  "ca_name": "Issuing CA"
}`,
  },
}

export const printedOpenssl: PrintedConfiguration = {
  name: 'scripts around an existing CA',
  id: 'iss-openssl',
  type: 'OpenSSL',
  environment: `
CERTCTL_OPENSSL_SIGN_SCRIPT=/etc/certctl/openssl/sign
CERTCTL_OPENSSL_REVOKE_SCRIPT=/etc/certctl/openssl/revoke
CERTCTL_OPENSSL_CRL_SCRIPT=/etc/certctl/openssl/crl
CERTCTL_OPENSSL_TIMEOUT_SECONDS=30
`,
  config: `{
  "sign_script": "/etc/certctl/openssl/sign",
  "revoke_script": "/etc/certctl/openssl/revoke",
  "crl_script": "/etc/certctl/openssl/crl",
  "timeout_seconds": 30
}`,
}

export const printedConfigurations: readonly PrintedConfiguration[] = [
  ...printedAcme,
  printedStepCa,
  printedVault,
  printedEjbca.mtls,
  printedEjbca.oauth2,
  printedOpenssl,
]

/** The configuration of this name among those of ACME. */
export function printedAcmeOf(name: string): PrintedConfiguration {
  const found = printedAcme.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no configuration "${name}"`)
  return found
}

/** Lines NAME=value, as a service manager reads them. */
export function variablesOf(lines: string): Record<string, string> {
  const filled = lines.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    filled.map((line) => {
      const at = line.indexOf('=')
      if (at < 1) throw new Error(`not a line of an environment file: ${line}`)
      return [line.slice(0, at), line.slice(at + 1)]
    }),
  )
}
