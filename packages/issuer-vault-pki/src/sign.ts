import {
  CertctlError,
  formatDuration,
  type HttpResponse,
  type IssuanceRequest,
  type IssuerHost,
  z,
} from '@certctl/core'
import {
  buildChain,
  type Certificate,
  type Csr,
  formatGeneralName,
  parseCertificate,
  parseCsr,
  sameNames,
  splitCertificates,
} from '@certctl/pki'
import type { Bench } from './bench.js'
import type { Config } from './config.js'
import { readAnswer, wordsOf } from './failure.js'
import type { Issued } from './issued-records.js'

const what = 'Vault, signing'

const signedSchema = z.object({
  data: z.object({
    certificate: z.string(),
    issuing_ca: z.string().optional(),
    // A list, which older versions leave out; some proxies and `format=pem_bundle` make one text of it.
    ca_chain: z.union([z.array(z.string()), z.string()]).nullish(),
  }),
  warnings: z.array(z.string()).nullish(),
})
type Signed = z.output<typeof signedSchema>

/** Has the CSR signed under the role. Says so where Vault gave less time than was asked for. */
export async function sign({ config, host, client }: Bench, request: IssuanceRequest, csr: Csr): Promise<Issued> {
  const wantedSeconds = secondsWanted(config, request, host.now())
  const ask = (seconds: number): Promise<HttpResponse> => {
    const path = `${config.mount}/sign/${encodeURIComponent(config.role)}`
    return client.call({ method: 'POST', path, json: bodyOf(request, csr, seconds), signal: request.signal }, what)
  }
  const first = await ask(wantedSeconds)
  const caEnd = caEndIn(first)
  const leftSeconds = caEnd === undefined ? 0 : Math.floor((caEnd.getTime() - host.now().getTime()) / 1000) - 1
  const signed = readAnswer(leftSeconds > 0 ? await ask(leftSeconds) : first, signedSchema, what)
  const { issued, certificate } = issuedOf(signed)
  tellShortened(host, certificate, { wantedSeconds, caEnd, warnings: signed.warnings ?? [] })
  return issued
}

/** Vault takes the CSR's own names where the role says so, as roles do unless told otherwise: what was not approved must not reach it. */
export function readApproved({ csrPem, names }: Pick<IssuanceRequest, 'csrPem' | 'names'>): Csr {
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

function secondsWanted({ ttl }: Config, { notAfter }: IssuanceRequest, now: Date): number {
  if (notAfter === undefined) return Math.floor(ttl)
  const allowed = Math.floor((notAfter.getTime() - now.getTime()) / 1000)
  if (allowed > 0) return Math.min(Math.floor(ttl), allowed)
  throw new CertctlError('policy_denied', `The certificate may last until ${notAfter.toISOString()}, which is over`)
}

/** RFC 5280 appendix A.1 ends a common name after 64 characters. */
const longestCommonName = 64

/** All names in the fields for roles that ignore the CSR's. Lists are texts with commas here; `ttl`, unlike `not_after`, is held to the role's limit. */
function bodyOf({ csrPem, commonName, names }: IssuanceRequest, csr: Csr, seconds: number) {
  const valuesOf = (...types: string[]): string =>
    names.flatMap(({ type, value }) => (types.includes(type) ? [value] : [])).join(',')
  const [firstDns] = names.flatMap(({ type, value }) =>
    type === 'dns' && value.length <= longestCommonName ? [value] : [],
  )
  return {
    csr: csrPem,
    common_name: commonName ?? firstDns,
    alt_names: valuesOf('dns', 'email'),
    ip_sans: valuesOf('ip'),
    uri_sans: valuesOf('uri'),
    ttl: `${seconds}s`,
    format: 'pem',
    // The common name of a CSR without alternative names is its only name.
    exclude_cn_from_sans: csr.names.length > 0,
  }
}

/** An issuer that may not cut short refuses what would outlive it, and says when that is. */
function caEndIn(response: HttpResponse): Date | undefined {
  if (response.status !== 400) return undefined
  const found = /beyond the expiration of the CA certificate at ([0-9T:.-]+Z)/.exec(wordsOf(response))?.[1]
  return found === undefined || Number.isNaN(Date.parse(found)) ? undefined : new Date(found)
}

/** The chain is built anew, root last: the list may be missing, hold the root, or be in another order. */
function issuedOf({ data }: Signed): { issued: Issued; certificate: Certificate } {
  try {
    const certificate = parseCertificate(data.certificate)
    const candidates = [data.ca_chain ?? [], data.issuing_ca ?? ''].flat().flatMap(splitCertificates)
    const { chainPem, rootPem = '' } = buildChain(certificate.pem, candidates)
    return { issued: { certificatePem: certificate.pem, chainPem: chainPem + rootPem }, certificate }
  } catch (cause) {
    throw new CertctlError('upstream_protocol', `${what}: answered with a certificate or chain that cannot be read`, {
      cause,
    })
  }
}

/** Less than this is clocks that differ. */
const noticeableSeconds = 120

function tellShortened(
  host: IssuerHost,
  { notAfter }: Certificate,
  { wantedSeconds, caEnd, warnings }: { wantedSeconds: number; caEnd: Date | undefined; warnings: readonly string[] },
): void {
  const lackingSeconds = wantedSeconds - (notAfter.getTime() - host.now().getTime()) / 1000
  if (lackingSeconds < noticeableSeconds) return
  const byCa = caEnd === undefined ? [] : [`the CA certificate ends at ${caEnd.toISOString()}`]
  const limits = [...byCa, ...warnings.filter((line) => /ttl/i.test(line))]
  host.log.warn('Vault issued for less time than asked', {
    asked: formatDuration(wantedSeconds),
    notAfter: notAfter.toISOString(),
    because: limits.join('; ') || 'a limit of the role, the mount or the CA',
    remedy: 'lower ttl (CERTCTL_VAULT_TTL), or raise max_ttl of the role and max_lease_ttl of the mount',
  })
}
