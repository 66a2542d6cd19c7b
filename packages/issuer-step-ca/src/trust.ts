import { CertctlError, type HttpClient, type IssuerHost, isCertctlError, z } from '@certctl/core'
import { fingerprintOf, splitCertificates } from '@certctl/pki'
import type { Config } from './config.js'

const largestFile = 1_048_576
const rootSchema = z.object({ ca: z.string() })
const storedSchema = z.object({ root_pem: z.string() })

/** Roots that the server certificate of step-ca must lead to; `undefined`: those of the system. */
export async function readTrust(config: Config, host: IssuerHost, signal: AbortSignal): Promise<string | undefined> {
  const { root_cert_path: path, root_fingerprint: fingerprint } = config
  if (path === undefined) return fingerprint === undefined ? undefined : await rootByFingerprint(config, host, signal)
  const text = Buffer.from(await host.files.read(path, { maxBytes: largestFile })).toString('latin1')
  const roots = splitCertificates(text)
  if (roots.length === 0)
    throw new CertctlError('config_invalid', `root_cert_path: ${path} holds no certificate in PEM`)
  if (fingerprint !== undefined && !roots.some((pem) => fingerprintOf(pem) === fingerprint))
    throw new CertctlError(
      'config_invalid',
      `root_cert_path: ${path} holds no certificate with root_fingerprint ${fingerprint}`,
    )
  return roots.join('')
}

/** Fetched once and kept. What is kept must hash to the fingerprint as well. */
async function rootByFingerprint(config: Config, host: IssuerHost, signal: AbortSignal): Promise<string> {
  const { root_fingerprint: fingerprint = '' } = config
  const key = `root/${fingerprint}`
  const stored = storedSchema.safeParse((await host.state.get(key))?.value).data
  if (stored !== undefined && hashesTo(stored.root_pem, fingerprint)) return stored.root_pem
  // The one request over a connection that is not proven: it carries nothing secret, and only an answer with the right hash counts.
  const http = host.http({ baseUrl: config.ca_url, tls: { insecure: true }, maxResponseBytes: largestFile })
  const rootPem = await fetchRoot(http, { config, fingerprint, signal })
  await host.state.put(key, { root_pem: rootPem })
  return rootPem
}

async function fetchRoot(
  http: HttpClient,
  { config, fingerprint, signal }: { config: Config; fingerprint: string; signal: AbortSignal },
): Promise<string> {
  const response = await http.request({ method: 'GET', path: `/root/${fingerprint}`, signal })
  if (response.status >= 500)
    throw new CertctlError('upstream_unavailable', `step-ca, fetching its root: answered ${response.status}`)
  if (response.status === 429)
    throw new CertctlError('rate_limited', 'step-ca, fetching its root: too many requests', {
      retryAfterSeconds: response.retryAfterSeconds,
    })
  const found = response.status === 200 ? rootSchema.safeParse(response.json()).data?.ca : undefined
  if (found !== undefined && hashesTo(found, fingerprint)) return found
  const code = response.status === 200 ? 'upstream_protocol' : 'upstream_rejected'
  throw new CertctlError(
    code,
    `step-ca at ${new URL(config.ca_url).host} has no root with the fingerprint ${fingerprint} (status ${response.status}); check root_fingerprint, and that nobody sits in between`,
  )
}

function hashesTo(pem: string, fingerprint: string): boolean {
  try {
    return fingerprintOf(pem) === fingerprint
  } catch (error) {
    if (isCertctlError(error)) return false
    throw error
  }
}
