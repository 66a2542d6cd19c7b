import { CertctlError, type IssuerHost, isCertctlError, type JsonValue, messageOf, z } from '@certctl/core'
import {
  buildCertificate,
  buildChain,
  type Certificate,
  createSigner,
  encodePem,
  generateKey,
  keyMatches,
  parseCertificate,
  type Signer,
  splitCertificates,
} from '@certctl/pki'
import type { Config } from './config.js'
import { createSerialNumber } from './serial-number.js'

/** The CA that signs now. */
export interface Ca {
  certificate: Certificate
  /** What servers send after the leaf: this CA and those above it, trust anchor left out. */
  chainPem: string
  /** This CA first, its root last where it is known. */
  certificatesPem: readonly string[]
  signer: Signer
}

/** Loads the CA each time it is asked for, and parses it again only where the source has changed. */
export function createCaLoader(config: Config, host: IssuerHost): () => Promise<Ca> {
  let loaded: { source: string; ca: Ca } | undefined
  return async () => {
    const source = await readSource(config, host)
    const text = source.certificatesPem + source.privateKeyPem
    if (loaded?.source !== text) loaded = { source: text, ca: caOf(source) }
    return loaded.ca
  }
}

interface Source {
  certificatesPem: string
  privateKeyPem: string
  /** For messages. */
  name: string
}

async function readSource({ ca_cert_path, ca_key_path, ...config }: Config, host: IssuerHost): Promise<Source> {
  if (ca_cert_path === undefined || ca_key_path === undefined) return await ownSource(config, host)
  const [certificatesPem, privateKeyPem] = await Promise.all([
    readFile(host, ca_cert_path),
    readFile(host, ca_key_path),
  ])
  return { certificatesPem, privateKeyPem, name: ca_cert_path }
}

const largestFile = 1_048_576

async function readFile(host: IssuerHost, path: string): Promise<string> {
  try {
    return Buffer.from(await host.files.read(path, { maxBytes: largestFile })).toString('utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `The CA file ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

const stateKey = 'ca'
const storedSchema = z.object({ certificate_pem: z.string(), private_key_pem: z.string() })

/** The self-signed CA of this instance: kept sealed, so that restarts and other servers have the same. Whoever comes first makes it. */
async function ownSource(config: Pick<Config, 'ca_common_name' | 'key_algorithm'>, host: IssuerHost): Promise<Source> {
  const stored = (await host.state.get(stateKey)) ?? (await makeOnce(config, host))
  const { certificate_pem, private_key_pem } = storedSchema.parse(stored.value)
  return { certificatesPem: certificate_pem, privateKeyPem: private_key_pem, name: 'the CA in the sealed state' }
}

async function makeOnce(config: Pick<Config, 'ca_common_name' | 'key_algorithm'>, host: IssuerHost) {
  const made = await makeCa(config, host)
  try {
    const stored = await host.state.put(stateKey, made, { expect: 'absent' })
    host.log.info('the local CA was made', { commonName: config.ca_common_name, keyAlgorithm: config.key_algorithm })
    return stored
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await host.state.get(stateKey) : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}

const day = 86_400_000
/** Ten years, as roots of private CAs usually have. */
const lifetime = 3650 * day
/** Clocks of relying parties may be behind. */
export const backdating = 5 * 60_000

async function makeCa(
  { ca_common_name, key_algorithm }: Pick<Config, 'ca_common_name' | 'key_algorithm'>,
  host: IssuerHost,
): Promise<JsonValue> {
  const { privateKeyPem, spki } = await generateKey(key_algorithm)
  const notBefore = new Date(Math.floor((host.now().getTime() - backdating) / 1000) * 1000)
  const der = await buildCertificate({
    serialNumber: createSerialNumber(host),
    issuer: { privateKey: privateKeyPem },
    subject: [{ type: 'CN', value: ca_common_name }],
    names: [],
    publicKeySpki: spki,
    notBefore,
    notAfter: new Date(notBefore.getTime() + lifetime),
    isCa: true,
    // It signs leafs only.
    pathLength: 0,
    keyUsages: ['digitalSignature', 'keyCertSign', 'cRLSign'],
    extendedKeyUsages: [],
    mustStaple: false,
  })
  return { certificate_pem: encodePem('CERTIFICATE', der), private_key_pem: privateKeyPem }
}

function caOf(source: Source): Ca {
  const { certificate, parents } = readCertificates(source)
  const fault = faultOf(certificate, source)
  if (fault !== undefined) throw new CertctlError('config_invalid', `${source.name} cannot sign: ${fault}`)
  const { chainPem, rootPem } = buildChain(certificate.pem, parents)
  const isRoot = rootPem === certificate.pem
  const roots = rootPem === undefined || isRoot ? [] : [rootPem]
  return {
    certificate,
    chainPem: isRoot ? '' : certificate.pem + chainPem,
    certificatesPem: [certificate.pem, ...splitCertificates(chainPem), ...roots],
    signer: createSigner(source.privateKeyPem),
  }
}

function readCertificates({ certificatesPem, name }: Source): { certificate: Certificate; parents: string[] } {
  try {
    const [first, ...parents] = splitCertificates(certificatesPem)
    if (first === undefined) throw new CertctlError('config_invalid', 'it holds no PEM certificate')
    return { certificate: parseCertificate(first), parents }
  } catch (cause) {
    throw new CertctlError('config_invalid', `${name} cannot be used: ${messageOf(cause)}`, { cause })
  }
}

/** What relying parties would hold against a chain through this certificate (RFC 5280 §4.2.1.3, §4.2.1.9, §6.1.4). */
function faultOf(certificate: Certificate, { privateKeyPem }: Source): string | undefined {
  if (!certificate.isCa) return `the certificate ${certificate.subjectText} is not of a CA (basicConstraints)`
  if (!certificate.keyUsages.includes('keyCertSign'))
    return `the certificate ${certificate.subjectText} has no keyCertSign among its key usages`
  if (certificate.unknownCritical.length > 0)
    return `the certificate ${certificate.subjectText} has critical extensions nobody here understands: ${certificate.unknownCritical.join(', ')}`
  if (!keyMatches(certificate.pem, privateKeyPem))
    return `the private key does not belong to the certificate ${certificate.subjectText}`
  return undefined
}

/** Throws `config_invalid` outside the CA's own validity. Only signing asks: revoking and publishing go on after its end. */
export function checkIsUsable({ notBefore, notAfter, subjectText }: Certificate, now: Date): void {
  if (now < notBefore)
    throw new CertctlError(
      'config_invalid',
      `The CA ${subjectText} is not valid before ${notBefore.toISOString()}; check the clock`,
    )
  if (now >= notAfter)
    throw new CertctlError(
      'config_invalid',
      `The CA ${subjectText} ended at ${notAfter.toISOString()}; give it a new certificate`,
    )
}
