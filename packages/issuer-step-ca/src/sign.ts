import { CertctlError, type HttpResponse, type IssuanceRequest, z } from '@certctl/core'
import {
  buildChain,
  type Csr,
  formatGeneralName,
  parseCertificate,
  parseCsr,
  sameNames,
  splitCertificates,
} from '@certctl/pki'
import type { Bench } from './bench.js'
import { readAnswer } from './failure.js'
import type { Issued } from './issued-records.js'
import { type Lifetime, lifetimeOf, maximumIn, shorteningOf } from './lifetime.js'
import { createOneTimeToken } from './one-time-token.js'
import type { Provisioner } from './provisioner.js'
import { refusalOf } from './refusal.js'

const what = 'step-ca, signing'
const signedSchema = z.object({
  crt: z.string(),
  ca: z.string().optional(),
  certChain: z.array(z.string()).nullish(),
})
type Signed = z.output<typeof signedSchema>

/** Remembers the maximum that a refusal told, since the CA tells it nowhere else. */
export interface KnownLimits {
  maxSeconds?: number | undefined
}

/** Has the CSR signed under a token for exactly the approved names. Says so where the CA allows less time than was wanted. */
export async function sign(bench: Bench, request: IssuanceRequest, known: KnownLimits): Promise<Issued> {
  const csr = readApproved(request)
  const provisioner = await bench.provisioners.get(request.signal)
  const plan = (): Lifetime => {
    const maxSeconds = provisioner.maxSeconds ?? known.maxSeconds
    return lifetimeOf(bench.config, request, { now: bench.host.now(), provisioner, maxSeconds })
  }
  const ask = (lifetime: Lifetime) => send(bench, { request, csr, provisioner, lifetime })
  let lifetime = plan()
  let response = await ask(lifetime)
  const maximum = lifetime.seconds === undefined ? undefined : maximumIn(response, lifetime.seconds)
  if (maximum !== undefined) {
    known.maxSeconds = maximum
    lifetime = { ...lifetime, seconds: maximum, notAfter: `${maximum}s` }
    response = await ask(lifetime)
  }
  if (response.status === 401 || response.status === 403) throw refusalOf(bench, response, what)
  const issued = issuedOf(readAnswer(response, signedSchema, what))
  const shortening = shorteningOf(lifetime, provisioner)
  const notAfter = parseCertificate(issued.certificatePem).notAfter.toISOString()
  if (shortening !== undefined)
    bench.host.log.warn('step-ca issued for less time than asked', { ...shortening, notAfter })
  return issued
}

/** Every attempt has a token of its own: each is taken once. */
async function send(
  bench: Bench,
  {
    request,
    csr,
    provisioner,
    lifetime,
  }: { request: IssuanceRequest; csr: Csr; provisioner: Provisioner; lifetime: Lifetime },
): Promise<HttpResponse> {
  const sans = request.names.map(({ value }) => value)
  const subject = csr.commonName ?? request.commonName ?? sans[0] ?? ''
  const ott = await createOneTimeToken(bench, provisioner, { path: '/1.0/sign', subject, sans, csr })
  const json = { csr: request.csrPem, ott, notAfter: lifetime.notAfter }
  return await bench.client({ method: 'POST', path: '/1.0/sign', json, signal: request.signal })
}

/** step-ca compares the names of the CSR with those of the token; here the difference has a name and costs no token. */
function readApproved({ csrPem, names }: IssuanceRequest): Csr {
  const csr = parseCsr(csrPem)
  if (csr.names.length === 0) return csr
  const { missing, extra } = sameNames(names, csr.names)
  const listed = [...extra, ...missing].map(formatGeneralName).join(', ')
  if (listed === '') return csr
  throw new CertctlError(
    'csr_rejected',
    `The CSR and what was approved differ in ${listed}; make a CSR for these names`,
  )
}

/** The leaf, then what leads from it towards the root, which step-ca leaves out. */
function issuedOf({ crt, ca = '', certChain }: Signed): Issued {
  try {
    const certificate = parseCertificate(crt)
    const others = [...(certChain ?? []), ca].flatMap(splitCertificates)
    const { chainPem, rootPem = '' } = buildChain(certificate.pem, others)
    return { certificatePem: certificate.pem, chainPem: chainPem + rootPem }
  } catch (cause) {
    throw new CertctlError('upstream_protocol', `${what}: answered with a certificate or chain that cannot be read`, {
      cause,
    })
  }
}
