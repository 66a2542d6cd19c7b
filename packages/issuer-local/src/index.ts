import { type Authority, CertctlError, defineIssuer, type IssuanceRequest, type OrderOutcome } from '@certctl/core'
import { parseCertificate } from '@certctl/pki'
import { type Ca, checkIsUsable, createCaLoader } from './ca.js'
import { configSchema } from './config.js'
import { type Issued, recordIssued, recordRevoked } from './records.js'
import { readRequest, sign } from './sign.js'

/** The built-in CA: self-signed and kept in sealed state, or a sub-CA whose certificate and key are files. */
export default defineIssuer({
  type: 'GenericCA',
  aliases: ['local', 'local-ca'],
  displayName: 'Local CA',
  configSchema,
  environment: [
    {
      id: 'iss-local',
      name: 'Local CA',
      variables: {
        ca_common_name: 'CERTCTL_CA_COMMON_NAME',
        key_algorithm: 'CERTCTL_CA_KEY_ALGORITHM',
        validity_days: 'CERTCTL_CA_VALIDITY_DAYS',
        ca_cert_path: 'CERTCTL_CA_CERT_PATH',
        ca_key_path: 'CERTCTL_CA_KEY_PATH',
      },
    },
  ],
  capabilities: {
    operations: ['revoke', 'caCertificates', 'authority', 'test'],
    names: ['dns', 'wildcard', 'ip', 'email', 'uri'],
    honours: ['subject', 'notAfter', 'keyUsages', 'extendedKeyUsages', 'mustStaple'],
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
    const loadCa = createCaLoader(config, host)
    return {
      async issue(request) {
        requireRunning(request.signal)
        const csr = readRequest(request)
        const ca = await loadCa()
        const certificate = await sign(ca, host, { config, request, csr })
        requireRunning(request.signal)
        // What was recorded first stands, so that an order that is asked for again is the same certificate.
        const issued = await recordIssued(host.state, request.id, { certificate, chainPem: ca.chainPem })
        return outcomeOf(issued, csr.publicKey.spkiSha256, request)
      },

      async revoke({ certificate: { certificatePem }, reason, signal }) {
        requireRunning(signal)
        const { certificate: own } = await loadCa()
        const certificate = parseCertificate(certificatePem)
        if (Buffer.compare(certificate.issuerDer, own.subjectDer) !== 0)
          throw new CertctlError(
            'not_found',
            `${certificate.subjectText} was issued by ${certificate.issuerText}, not by ${own.subjectText}`,
          )
        await recordRevoked(host.state, certificate, { reason, at: host.now() })
        return { status: 'confirmed' }
      },

      caCertificates: async () => (await loadCa()).certificatesPem,
      authority: async () => authorityOf(await loadCa()),

      async test() {
        const { certificate } = await loadCa()
        checkIsUsable(certificate, host.now())
        return { detail: `${certificate.subjectText} signs until ${certificate.notAfter.toISOString()}` }
      },
    }
  },
})

function requireRunning(signal: AbortSignal): void {
  if (signal.aborted) throw new CertctlError('aborted', 'Stopped before anything was signed')
}

/** One order is one certificate: asked again it is the same one, and for another key it is refused. */
function outcomeOf(issued: Issued, spkiSha256: string, { id }: IssuanceRequest): OrderOutcome {
  if (issued.spki_sha256 !== spkiSha256)
    throw new CertctlError('conflict', `Order ${id} was fulfilled for another key; place a new order for this CSR`)
  return {
    status: 'valid',
    certificatePem: issued.certificate_pem,
    chainPem: issued.chain_pem,
  }
}

function authorityOf({ certificate, chainPem, signer }: Ca): Authority {
  const { algorithmIdentifier: algorithm, signNow } = signer
  return {
    certificatePem: certificate.pem,
    chainPem,
    keyAlgorithm: signer.keyAlgorithm,
    sign: async (tbs) => ({ algorithm, signature: await signer.sign(tbs) }),
    ...(signNow === undefined ? {} : { signNow: (tbs) => ({ algorithm, signature: signNow(tbs) }) }),
  }
}
