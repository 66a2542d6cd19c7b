import {
  CertctlError,
  defineIssuer,
  type Host,
  type IssuanceRequest,
  type IssuerConnector,
  type RevocationRequest,
} from '@certctl/core'
import { type Certificate, type Csr, formatGeneralName, parseCsr, sameNames } from '@certctl/pki'
import { readCaCertificates } from './ca-certificates.js'
import { type Config, configSchema } from './config.js'
import { readCrl } from './crl.js'
import { readIssued } from './issued.js'
import { requireScript, runScript } from './run-script.js'

export { configSchema }

/** A CA behind scripts of the operator's own. What is told them beside the documented arguments is told by environment. */
export default defineIssuer({
  type: 'OpenSSL',
  aliases: ['custom-ca'],
  displayName: 'OpenSSL / custom CA',
  configSchema,
  environment: [
    {
      id: 'iss-openssl',
      name: 'OpenSSL / custom CA',
      when: 'CERTCTL_OPENSSL_SIGN_SCRIPT',
      variables: {
        sign_script: 'CERTCTL_OPENSSL_SIGN_SCRIPT',
        revoke_script: 'CERTCTL_OPENSSL_REVOKE_SCRIPT',
        crl_script: 'CERTCTL_OPENSSL_CRL_SCRIPT',
        ca_cert_path: 'CERTCTL_OPENSSL_CA_CERT_PATH',
        timeout_seconds: 'CERTCTL_OPENSSL_TIMEOUT_SECONDS',
      },
    },
  ],
  capabilities: {
    operations: ['revoke', 'caCertificates', 'crl', 'test'],
    names: ['dns', 'wildcard', 'ip', 'email', 'uri'],
    // Nobody knows what a script obeys: the lifecycle compares and warns.
    honours: [],
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
    return {
      issue: async (request) => await issue(config, host, request),
      test: async () => await test(config, host),
      ...revoking(config, host),
      ...publishing(config, host),
      ...trusting(config, host),
    }
  },
})

async function issue(config: Config, host: Host, request: IssuanceRequest) {
  const csr = parseCsr(request.csrPem)
  requireSameNames(csr, request)
  // Read before: afterwards a fault would lose a certificate that is there.
  const cas = await caCertificates(config, host)
  const printed = await runScript(host, {
    path: config.sign_script,
    stdin: csr.pem,
    environment: contextOf(request),
    timeLimitSeconds: config.timeout_seconds,
    signal: request.signal,
  })
  const { certificatePem, othersPem } = readIssued(printed, csr, config.sign_script)
  const chain = new Set([...othersPem, ...cas.map(({ pem }) => pem)])
  return { status: 'valid' as const, certificatePem, chainPem: [...chain].join('') }
}

/** A script signs what the CSR says. */
function requireSameNames(csr: Csr, { names }: IssuanceRequest): void {
  const { missing, extra } = sameNames(names, csr.names)
  const [different] = [...extra, ...missing]
  if (different === undefined) return
  const fault = extra.length > 0 ? 'asks for a name that was not approved' : 'does not ask for an approved name'
  throw new CertctlError('csr_rejected', `The CSR ${fault}: ${formatGeneralName(different)}`)
}

function contextOf({ context, ...request }: IssuanceRequest): Record<string, string | undefined> {
  return {
    CERTCTL_ORDER_ID: request.id,
    CERTCTL_ATTEMPT: String(request.attempt),
    CERTCTL_CERTIFICATE_ID: context.certificateId,
    CERTCTL_COMMON_NAME: request.commonName,
    CERTCTL_NAMES: request.names.map(formatGeneralName).join(' '),
    CERTCTL_EXTENDED_KEY_USAGES: request.extendedKeyUsages.join(','),
    CERTCTL_NOT_AFTER: request.notAfter && wholeSeconds(request.notAfter),
    CERTCTL_PROFILE: request.product,
  }
}

/** RFC 3339, never later than what is allowed. */
function wholeSeconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z')
}

function revoking(config: Config, host: Host): Pick<IssuerConnector, 'revoke'> {
  const { revoke_script: path, timeout_seconds: timeLimitSeconds } = config
  if (path === undefined) return {}
  return {
    async revoke({ certificate, reason, reasonText, id, signal }) {
      const serialNumber = requireSerialNumber(certificate)
      await runScript(host, {
        path,
        args: [serialNumber, ...(reason === 'unspecified' ? [] : [reason])],
        environment: {
          CERTCTL_SERIAL_NUMBER: serialNumber,
          CERTCTL_REASON: reason,
          CERTCTL_REASON_TEXT: reasonText,
          CERTCTL_REVOCATION_ID: id,
        },
        files: { CERTCTL_CERT_FILE: certificate.certificatePem },
        timeLimitSeconds,
        signal,
      })
      return { status: 'confirmed' }
    },
  }
}

function requireSerialNumber({ serialNumber }: RevocationRequest['certificate']): string {
  if (/^[0-9a-f]{1,40}$/.test(serialNumber)) return serialNumber
  throw new CertctlError('request_malformed', 'The serial number is not lower-case hex of at most 40 digits')
}

function publishing(config: Config, host: Host): Pick<IssuerConnector, 'crl'> {
  const { crl_script: path, timeout_seconds: timeLimitSeconds } = config
  if (path === undefined) return {}
  return {
    async crl(signal) {
      const cas = await caCertificates(config, host)
      const call = { path, environment: {}, outputEncoding: 'latin1', timeLimitSeconds, signal } as const
      const { der, nextUpdate } = readCrl(await runScript(host, call), cas, path)
      if (nextUpdate !== undefined && nextUpdate <= host.now())
        host.log.warn('the CRL is out of date', { path, nextUpdate: nextUpdate.toISOString() })
      return der
    },
  }
}

function trusting(config: Config, host: Host): Pick<IssuerConnector, 'caCertificates'> {
  if (config.ca_cert_path === undefined) return {}
  return { caCertificates: async () => (await caCertificates(config, host)).map(({ pem }) => pem) }
}

async function caCertificates({ ca_cert_path }: Config, host: Host): Promise<readonly Certificate[]> {
  return ca_cert_path === undefined ? [] : await readCaCertificates(host, ca_cert_path)
}

/** Looks at the files only: to run a script is to do what it does. */
async function test(config: Config, host: Host): Promise<{ detail: string }> {
  const scripts = { sign: config.sign_script, revoke: config.revoke_script, crl: config.crl_script }
  const given = Object.entries(scripts).filter((script): script is [string, string] => script[1] !== undefined)
  for (const [, path] of given) await requireScript(host, path)
  const [ca] = await caCertificates(config, host)
  const ended = ca !== undefined && ca.notAfter <= host.now()
  if (ended) throw new CertctlError('config_invalid', `The CA ${ca.subjectText} ended at ${ca.notAfter.toISOString()}`)
  const known = ca === undefined ? '' : `; the CA is ${ca.subjectText}, until ${ca.notAfter.toISOString()}`
  return { detail: `The scripts to ${given.map(([what]) => what).join(', ')} can be run${known}` }
}
