import type { WorkItem } from '@certctl/api'
import { type LiveAnswer, liveAnswer } from '@certctl/challenges'
import { CertctlError } from '@certctl/core'
import type { Agent } from './agent.js'
import type { JobResult } from './job-result.js'
import { readPolicy } from './policy.js'

/** Where the server does not say how long. */
const usualLifeMs = 2 * 3_600_000
/** No validation takes longer, whatever the server says. */
const longestLifeMs = 24 * 3_600_000

/** A challenge job: from its report on this host answers a CA, or does so no more. One job after the other, so that a withdrawal is not overtaken by what it withdraws. */
export async function runChallenge(agent: Agent, { challenge }: WorkItem): Promise<JobResult> {
  if (challenge === undefined)
    throw new CertctlError('upstream_protocol', 'The server sent a challenge job without a challenge')
  const { kind, name, port, token, key_authorization: keyAuthorization, expires_at, withdrawn } = challenge
  const answer = liveAnswer({ kind, name, port, token, keyAuthorization })
  return await agent.lanes('challenges', async () => {
    if (withdrawn === true) {
      await agent.challenges.withdraw(answer)
      return { outcome: 'done', detail: `${kind} for ${name} is not answered any more` }
    }
    await give(agent, answer, expires_at)
    return { outcome: 'done', detail: `${kind} for ${name} is answered on port ${answer.port}` }
  })
}

async function give(agent: Agent, answer: LiveAnswer, expiresAt: string | undefined): Promise<void> {
  const policy = await readPolicy(agent.config.policyFile)
  policy.allowChallengePort(answer.port)
  const now = agent.clock.now().getTime()
  const until = expiresAt === undefined ? now + usualLifeMs : Date.parse(expiresAt)
  await agent.challenges.give(answer, new Date(Math.min(until, now + longestLifeMs)))
}
