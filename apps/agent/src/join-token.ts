import { CertctlError, type Secret, z } from '@certctl/core'

/** What a join token carries: where the control plane is, whose public key its certificate must lead to, and the word that lets one agent in. */
export interface JoinToken {
  url: string
  /** SHA-256 of the CA's SPKI, hex. Absent where the operator supplied the listener's certificate: then the system's trust decides. */
  pin: string | undefined
  /** The whole token, as the server wants it back. */
  token: Secret
}

const prefix = 'ccj_'
/** Written short, since people copy it: version, server address, pin, secret. */
const contentSchema = z.object({
  v: z.literal(1),
  u: z.string().refine((value) => URL.canParse(value) && new URL(value).protocol === 'https:'),
  p: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  s: z.string().min(1),
})

/** Throws `config_invalid` for anything but a whole token; the token itself is never quoted. */
export function parseJoinToken(token: Secret): JoinToken {
  const content = contentSchema.safeParse(contentOf(token.reveal()))
  if (!content.success)
    throw new CertctlError(
      'config_invalid',
      'CERTCTL_JOIN_TOKEN is not a whole join token; make one with: certctl agents join-token, and copy all of it',
    )
  return { url: content.data.u.replace(/\/+$/, ''), pin: content.data.p, token }
}

function contentOf(text: string): unknown {
  if (!text.startsWith(prefix)) return undefined
  try {
    return JSON.parse(Buffer.from(text.slice(prefix.length), 'base64url').toString('utf8'))
  } catch {
    return undefined // The caller says what a token should be; this text may be half a secret.
  }
}
