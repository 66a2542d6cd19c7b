import { CertctlError, defineIssuer } from '@certctl/core'
import { parseCsr } from '@certctl/pki'
import type { Bench } from './bench.js'
import { caCertificates, fetchCrl } from './ca-certificates.js'
import { createClient } from './client.js'
import { configSchema } from './config.js'
import { findIssued, recordIssued } from './issued-records.js'
import { createProvisionerSource } from './provisioner.js'
import { revoke } from './revoke.js'
import { type KnownLimits, sign } from './sign.js'
import { testConnection } from './test-connection.js'

/** Smallstep's step-ca by its own API: a JWK provisioner's key signs one-time tokens, no challenge is to be solved. */
export default defineIssuer({
  type: 'StepCA',
  aliases: ['smallstep'],
  displayName: 'step-ca',
  configSchema,
  environment: [
    {
      id: 'iss-stepca',
      name: 'step-ca',
      when: 'CERTCTL_STEPCA_URL',
      variables: {
        ca_url: 'CERTCTL_STEPCA_URL',
        provisioner_name: 'CERTCTL_STEPCA_PROVISIONER',
        provisioner_key_path: 'CERTCTL_STEPCA_KEY_PATH',
        provisioner_password: 'CERTCTL_STEPCA_PASSWORD',
        provisioner_kid: 'CERTCTL_STEPCA_PROVISIONER_KID',
        root_cert_path: 'CERTCTL_STEPCA_ROOT_CERT',
        root_fingerprint: 'CERTCTL_STEPCA_ROOT_FINGERPRINT',
        validity_days: 'CERTCTL_STEPCA_VALIDITY_DAYS',
      },
    },
  ],
  capabilities: {
    operations: ['revoke', 'caCertificates', 'crl', 'test'],
    names: ['dns', 'wildcard', 'ip', 'email', 'uri'],
    honours: ['notAfter'],
    revocationReasons: [
      'unspecified',
      'keyCompromise',
      'cACompromise',
      'affiliationChanged',
      'superseded',
      'cessationOfOperation',
      'privilegeWithdrawn',
      'aACompromise',
    ],
    metered: false,
  },

  create(config, host) {
    const client = createClient(config, host)
    const bench: Bench = { config, host, client, provisioners: createProvisionerSource(config, host, client) }
    const known: KnownLimits = {}
    return {
      async issue(request) {
        if (request.signal.aborted) throw new CertctlError('aborted', 'Stopped before step-ca was asked')
        const { publicKey } = parseCsr(request.csrPem)
        const before = await findIssued(host, request.id, publicKey.spkiSha256)
        if (before !== undefined) return { status: 'valid', ...before }
        const issued = await sign(bench, request, known)
        await recordIssued(host, request.id, issued)
        return { status: 'valid', ...issued }
      },
      revoke: (request) => revoke(bench, request),
      caCertificates: (signal) => caCertificates(bench, signal),
      crl: (signal) => fetchCrl(bench, signal),
      test: (signal) => testConnection(bench, signal),
    }
  },
})
