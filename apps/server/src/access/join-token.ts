import { CertctlError, z } from '@certctl/core'

/** What a join token tells an agent before it speaks to anybody. */
export interface JoinTokenContent {
  serverUrl: string
  /** SHA-256 over the SPKI of the CA that signs the server's certificate, lower-case hex; absent where the operator supplied the certificate. */
  caSpkiSha256?: string | undefined
  secret: string
}

const contentSchema = z.strictObject({
  v: z.literal(1),
  u: z.string(),
  p: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  s: z.string().min(32),
})

/** `ccj_` and the content as base64url of JSON: one word to copy. */
export function encodeJoinToken({ serverUrl, caSpkiSha256, secret }: JoinTokenContent): string {
  const content: z.input<typeof contentSchema> = { v: 1, u: serverUrl, p: caSpkiSha256, s: secret }
  return `ccj_${Buffer.from(JSON.stringify(content)).toString('base64url')}`
}

/** Throws `unauthenticated` for anything else; the text itself is not repeated, it may be somebody's secret. */
export function decodeJoinToken(token: string): JoinTokenContent {
  try {
    const text = Buffer.from(token.replace(/^ccj_/, ''), 'base64url').toString('utf8')
    const { u, p, s } = contentSchema.parse(JSON.parse(text))
    return { serverUrl: u, caSpkiSha256: p, secret: s }
  } catch (cause) {
    throw new CertctlError('unauthenticated', 'This is not a join token; make one with: certctl agents join-token', {
      cause,
    })
  }
}
