import { type PolicyViolation, policyViolationSchema } from '@certctl/api'
import type { Services } from '../services.js'
import type { Page, PageRequest } from '../store/page.js'
import type { PolicyViolationRow } from '../store/policy-violations.js'
import { getNoun } from './nouns/list-nouns.js'
import { policyNoun } from './nouns/policy-noun.js'

/** Oldest first; those that are over only when asked for. */
export async function listPolicyViolations(
  { store }: Pick<Services, 'store'>,
  filter: { ruleId: string; withResolved?: boolean | undefined },
  request: PageRequest,
): Promise<Page<PolicyViolationRow>> {
  await getNoun({ store }, policyNoun, filter.ruleId)
  return await store.policyViolations.page(filter, request)
}

export function policyViolationView({ created_at, resolved_at, ...row }: PolicyViolationRow): PolicyViolation {
  const resolved = resolved_at === null ? {} : { resolved_at: resolved_at.toISOString() }
  return policyViolationSchema.parse({ ...row, created_at: created_at.toISOString(), ...resolved })
}
