import { createHash } from 'node:crypto'
import { type IssuerHost, type Secret, z } from '@certctl/core'

/** `auth/token/lookup-self`. Seconds; a `ttl` of zero is a token without an end. */
export const tokenSchema = z.object({
  data: z.object({
    ttl: z.number().nonnegative(),
    creation_ttl: z.number().nonnegative().prefault(0),
    renewable: z.boolean().prefault(false),
  }),
})
export type TokenFacts = z.output<typeof tokenSchema>['data']

const seenSchema = z.object({ token_sha256: z.string(), expires_at: z.string() })
const stateKey = 'token-end'

/** Remembers when a given token ends, so that its refusal after that can be explained. */
export async function noteTokenEnd(host: IssuerHost, token: Secret, { ttl }: Pick<TokenFacts, 'ttl'>): Promise<void> {
  if (ttl === 0) return
  const expires_at = new Date(host.now().getTime() + ttl * 1000).toISOString()
  await host.state.put(stateKey, { token_sha256: hashOf(token), expires_at })
}

/** When this token ends, where that was ever seen. */
export async function findTokenEnd(host: IssuerHost, token: Secret): Promise<Date | undefined> {
  const seen = seenSchema.safeParse((await host.state.get(stateKey))?.value).data
  return seen?.token_sha256 === hashOf(token) ? new Date(seen.expires_at) : undefined
}

function hashOf(token: Secret): string {
  return createHash('sha256').update(token.reveal()).digest('hex')
}
