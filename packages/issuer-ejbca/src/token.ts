import { CertctlError, type HttpResponse, Secret, z } from '@certctl/core'
import { expectStatus } from '@certctl/kit'

/** Where bearer tokens come from. */
export interface TokenSource {
  /** `isKept`: it was asked for earlier, and may have ended since. */
  get(signal: AbortSignal | undefined): Promise<{ token: Secret; isKept: boolean }>
  forget(): void
}

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive().prefault(60) })
const errorSchema = z.object({ error: z.string().regex(/^[a-z_]{1,60}$/) })

/** Reads an answer of a token endpoint (RFC 6749 §5). */
export function readIssuedToken(response: HttpResponse): { token: Secret; seconds: number } {
  const what = 'The OAuth provider, asked for a token'
  const refused =
    response.status === 400 || response.status === 401 ? errorSchema.safeParse(jsonOf(response)) : undefined
  if (refused?.success)
    throw new CertctlError(
      'upstream_rejected',
      `${what}: it says ${refused.data.error}; check token_url, client_id, client_secret and scope`,
    )
  const parsed = tokenSchema.safeParse(expectStatus(response, [200], what).json())
  if (!parsed.success) throw new CertctlError('upstream_protocol', `${what}: the answer holds no access_token`)
  return { token: new Secret(parsed.data.access_token), seconds: parsed.data.expires_in }
}

function jsonOf(response: HttpResponse): unknown {
  try {
    return response.json()
  } catch {
    return undefined // a page of some proxy: the status says enough
  }
}
