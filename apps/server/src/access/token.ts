import { createHash, randomBytes } from 'node:crypto'

/** What a token is for, told by its first letters: an API key, an agent's own key, a token to join with. */
export type TokenKind = 'cck' | 'cca' | 'ccj'

/** 256 random bits, URL-safe. */
export function createToken(kind: TokenKind): string {
  return `${kind}_${randomBytes(32).toString('base64url')}`
}

/**
 * All that is stored of a token. Looking rows up by this hash takes the same time for every guess: what differs between two
 * guesses is a hash that the guesser cannot steer.
 */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
