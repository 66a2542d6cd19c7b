import { CertctlError, type IssuerHost, messageOf, type Stored, z } from '@certctl/core'
import {
  buildCertificate,
  buildChain,
  type Certificate,
  createSigner,
  encodePem,
  generateKey,
  issuerFault,
  keyMatches,
  parseCertificate,
  positiveSerial,
  type Signer,
  splitCertificates,
} from '@certctl/pki'
import type { Config } from './config.js'
import { putOnce } from './put-once.js'

/** The CA that signs now. */
export interface Ca {
  certificate: Certificate
  /** What servers send after the leaf: this CA and those above it, trust anchor left out. */
  chainPem: string
  /** This CA first, its root last where it is known. */
  certificatesPem: readonly string[]
  signer: Signer
}

/** Loads a CA of files each time it is asked for, and parses it again only where they have changed; its own CA, once. Files that are being replaced one after the other do not fit together: the CA before them signs on. */
export function createCaLoader(config: Config, host: IssuerHost): () => Promise<Ca> {
  let loaded: { source: Source; ca: Ca } | undefined
  return async () => {
    // What is in the state is made once and never again.
    if (loaded !== undefined && config.ca_cert_path === undefined) return loaded.ca
    const source = await readSource(config, host)
    if (loaded !== undefined && isSame(loaded.source, source)) return loaded.ca
    try {
      loaded = { source, ca: caOf(source) }
    } catch (cause) {
      const fault = `${source.name} cannot sign: ${messageOf(cause)}`
      if (loaded === undefined) throw new CertctlError('config_invalid', fault, { cause })
      host.log.warn('the CA files changed and cannot be used; the CA before them signs on', { fault })
    }
    return loaded.ca
  }
}

function isSame(a: Source, b: Source): boolean {
  return a.certificatesPem === b.certificatesPem && a.privateKeyPem === b.privateKeyPem
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

async function readFile(host: IssuerHost, path: string): Promise<string> {
  try {
    return Buffer.from(await host.files.read(path, { maxBytes: 1_048_576 })).toString('utf8')
  } catch (cause) {
    throw new CertctlError('config_invalid', `The CA file ${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

type OwnCa = Pick<Config, 'ca_common_name' | 'key_algorithm'>

const stateKey = 'ca'
const storedSchema = z.object({ certificate_pem: z.string(), private_key_pem: z.string() })

/** The self-signed CA of this instance: kept sealed, so that restarts and other servers have the same. Whoever comes first makes it. */
async function ownSource(config: OwnCa, host: IssuerHost): Promise<Source> {
  const stored = (await host.state.get(stateKey)) ?? (await makeOwn(config, host))
  const { certificate_pem, private_key_pem } = storedSchema.parse(stored.value)
  return { certificatesPem: certificate_pem, privateKeyPem: private_key_pem, name: 'the CA in the sealed state' }
}

const day = 86_400_000
/** Ten years, as roots of private CAs usually have. */
const lifetime = 3650 * day
/** Clocks of relying parties may be behind. */
export const backdating = 5 * 60_000

async function makeOwn({ ca_common_name, key_algorithm }: OwnCa, host: IssuerHost): Promise<Stored> {
  const { privateKeyPem, spki } = await generateKey(key_algorithm)
  const notBefore = new Date(Math.floor((host.now().getTime() - backdating) / 1000) * 1000)
  const der = await buildCertificate({
    serialNumber: positiveSerial(host.random(16)),
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
  host.log.info('the local CA was made', { commonName: ca_common_name, keyAlgorithm: key_algorithm })
  const value = { certificate_pem: encodePem('CERTIFICATE', der), private_key_pem: privateKeyPem }
  return await putOnce(host.state, { key: stateKey, value })
}

function caOf({ certificatesPem, privateKeyPem }: Source): Ca {
  const [first, ...parents] = splitCertificates(certificatesPem)
  if (first === undefined) throw new CertctlError('config_invalid', 'it holds no PEM certificate')
  const certificate = parseCertificate(first)
  const fits = keyMatches(first, privateKeyPem)
  const fault = issuerFault(certificate) ?? (fits ? undefined : 'the private key does not belong to its certificate')
  if (fault !== undefined) throw new CertctlError('config_invalid', fault)
  const { chainPem, rootPem } = buildChain(first, parents)
  const isRoot = rootPem === first
  return {
    certificate,
    chainPem: isRoot ? '' : first + chainPem,
    certificatesPem: [first, ...splitCertificates(chainPem), ...(rootPem === undefined || isRoot ? [] : [rootPem])],
    signer: createSigner(privateKeyPem),
  }
}

/** Throws `config_invalid` outside the CA's own validity. Only signing asks: revoking and publishing go on after its end. */
export function checkIsUsable({ notBefore, notAfter, subjectText }: Certificate, now: Date): void {
  const refuse = (fault: string) => new CertctlError('config_invalid', `The CA ${subjectText} ${fault}`)
  if (now < notBefore) throw refuse(`is not valid before ${notBefore.toISOString()}; check the clock`)
  if (now >= notAfter) throw refuse(`ended at ${notAfter.toISOString()}; give it a new certificate`)
}
