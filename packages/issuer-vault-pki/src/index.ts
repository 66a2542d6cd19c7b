import { CertctlError, defineIssuer } from '@certctl/core'
import type { Bench } from './bench.js'
import { caCertificates } from './ca-certificates.js'
import { createClient } from './client.js'
import { configSchema } from './config.js'
import { findIssued, recordIssued } from './issued-records.js'
import { maintain } from './maintain.js'
import { revoke } from './revoke.js'
import { readApproved, sign } from './sign.js'
import { testConnection } from './test-connection.js'

/** The PKI secrets engine of Vault, or of OpenBao, which speaks the same API. It signs at once; its CRL and OCSP are its own. */
export default defineIssuer({
  type: 'VaultPKI',
  aliases: ['vault', 'openbao'],
  displayName: 'HashiCorp Vault PKI',
  configSchema,
  environment: [
    {
      id: 'iss-vault',
      name: 'Vault PKI',
      when: 'CERTCTL_VAULT_ADDR',
      variables: {
        addr: 'CERTCTL_VAULT_ADDR',
        token: 'CERTCTL_VAULT_TOKEN',
        role_id: 'CERTCTL_VAULT_ROLE_ID',
        secret_id: 'CERTCTL_VAULT_SECRET_ID',
        approle_mount: 'CERTCTL_VAULT_APPROLE_MOUNT',
        mount: 'CERTCTL_VAULT_MOUNT',
        role: 'CERTCTL_VAULT_ROLE',
        ttl: 'CERTCTL_VAULT_TTL',
        namespace: 'CERTCTL_VAULT_NAMESPACE',
        ca_cert: 'CERTCTL_VAULT_CA_CERT',
      },
    },
  ],
  capabilities: {
    operations: ['revoke', 'caCertificates', 'maintain', 'test'],
    names: ['dns', 'wildcard', 'ip', 'email', 'uri'],
    honours: ['notAfter'],
    revocationReasons: ['unspecified'],
    metered: false,
  },

  create(config, host) {
    const bench: Bench = { config, host, client: createClient(config, host) }
    return {
      async issue(request) {
        if (request.signal.aborted) throw new CertctlError('aborted', 'Stopped before Vault was asked')
        const csr = readApproved(request)
        const before = await findIssued(host, request.id, csr.publicKey.spkiSha256)
        if (before !== undefined) return { status: 'valid', ...before }
        const issued = await sign(bench, request, csr)
        await recordIssued(host, request.id, issued)
        return { status: 'valid', ...issued }
      },
      revoke: (request) => revoke(bench, request),
      caCertificates: (signal) => caCertificates(bench, signal),
      maintain: (signal) => maintain(bench, signal),
      test: (signal) => testConnection(bench, signal),
    }
  },
})
