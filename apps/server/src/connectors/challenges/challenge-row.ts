import { createHash } from 'node:crypto'
import { type LiveAnswer, liveAnswer } from '@certctl/challenges'
import type { ChallengeAnswer } from '@certctl/core'
import type { ChallengeRow } from '../../store/challenges.js'

/** One challenge of one issuer, checked, with the id of its row: the same answer has the same. */
export interface Challenge {
  readonly id: string
  readonly instance: string
  readonly by: ChallengeAnswer['by']
  readonly answer: LiveAnswer
}

/** Longer than any CA takes to look, and than the pause between two looks at an order. */
const lifeMs = 2 * 3_600_000

/** Throws for an answer that must not be given, see `liveAnswer`. */
export function challengeOf(instance: string, given: ChallengeAnswer): Challenge {
  const answer = liveAnswer(given)
  const { kind, name, port, token, keyAuthorization } = answer
  const identity = JSON.stringify([instance, given.by, kind, name, port, token ?? null, keyAuthorization])
  return {
    id: `chl-${createHash('sha256').update(identity).digest('hex').slice(0, 40)}`,
    instance,
    by: given.by,
    answer,
  }
}

export function rowOf({ id, instance, by, answer }: Challenge, now: Date) {
  const { kind, name, port, token, keyAuthorization } = answer
  return {
    id,
    instance,
    served_by: by,
    kind,
    name,
    port,
    token: token ?? null,
    key_authorization: keyAuthorization,
    expires_at: new Date(now.getTime() + lifeMs),
    created_at: now,
  }
}

export function answerOf({ kind, name, port, token, key_authorization }: ChallengeRow): LiveAnswer {
  return { kind, name, port, token: token ?? undefined, keyAuthorization: key_authorization }
}
