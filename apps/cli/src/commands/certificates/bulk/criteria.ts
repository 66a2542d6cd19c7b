import { readFileSync } from 'node:fs'
import { certificateStatuses } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { fileFault } from '../../../file-fault.js'
import { tagsOf } from '../tags-of.js'

const text = z.string().optional()

/** What selects certificates for a bulk operation; without any nothing is done. */
export const criteriaOptions = {
  '--status <status>': `Only these: ${certificateStatuses.join(', ')}`,
  '--environment <name>': 'Only those of this environment',
  '--issuer <id>': 'Only those of this issuer',
  '--profile <id>': 'Only those of this profile',
  '--agent <id>': 'Only those that this agent has',
  '--target <id>': 'Only those that go to this target',
  '--tag <key=value>...': 'Only those with this tag; several: with all of them',
  '--expires-before <time>': 'Only those that end before, such as 2026-12-31T00:00:00Z',
  '--expires-after <time>': 'Only those that end after',
  '--ids-from <file>': 'Those with the ids in this file, one a line',
}

export const ownerOptions = {
  '--owner <id>': 'Only those of this owner',
  '--team <id>': 'Only those of this team',
}

export const criteriaGiven = {
  ids: z.array(z.string()).default([]),
  status: z.enum(certificateStatuses, `must be one of ${certificateStatuses.join(', ')}`).optional(),
  environment: text,
  issuer: text,
  profile: text,
  agent: text,
  target: text,
  tag: z.array(z.string()).default([]),
  expiresBefore: text,
  expiresAfter: text,
  idsFrom: text,
}

interface Criteria {
  ids: string[]
  status?: (typeof certificateStatuses)[number] | undefined
  environment?: string | undefined
  issuer?: string | undefined
  profile?: string | undefined
  agent?: string | undefined
  target?: string | undefined
  tag: string[]
  expiresBefore?: string | undefined
  expiresAfter?: string | undefined
  idsFrom?: string | undefined
}

/** As the API takes them. */
export function criteriaOf(given: Criteria) {
  const ids = [...given.ids, ...(given.idsFrom === undefined ? [] : idsOf(given.idsFrom))]
  return {
    certificate_ids: ids.length === 0 ? undefined : ids,
    status: given.status,
    environment: given.environment,
    issuer_id: given.issuer,
    profile_id: given.profile,
    agent_id: given.agent,
    target_id: given.target,
    tags: given.tag.length === 0 ? undefined : tagsOf(given.tag),
    expires_before: given.expiresBefore,
    expires_after: given.expiresAfter,
  }
}

function idsOf(file: string): string[] {
  try {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
  } catch (cause) {
    throw new CertctlError('config_invalid', `${file} cannot be read: ${fileFault(cause)}`, { cause })
  }
}
