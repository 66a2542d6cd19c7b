import { policyConfigSchemas, policyTypes } from '@certctl/api'
import { CertctlError, faultsOf } from '@certctl/core'
import { endRule } from '../../lifecycle/policy/end-rule.js'
import { createId } from '../../store/create-id.js'
import type { PolicyRuleRow } from '../../store/policy-rules.js'
import { fieldFault } from '../field-fault.js'
import { after, type NounChange, type NounFields, type PlainNoun } from './plain-noun.js'
import { requireReferences } from './require-reference.js'

/** Rules; their violations go with them. */
export const policyNoun: PlainNoun<PolicyRuleRow> = {
  resource: 'policy',
  words: { one: 'policy', many: 'policies' },
  command: 'policies',
  table: (tables) => tables.policyRules,
  newId: (_name, now) => createId('rule', now),
  json: ['config'],
  referrers: [],
  wakes: true,
  // Which of them a rule denied is known only by judging them again.
  async changed(tx, id, before) {
    await tx.holders.liftDenials(tx.now)
    const now = await tx.policyRules.get(id)
    if (now === undefined) await endRule(tx, id)
    // Those that are enforced say what CAs are asked for, and the others judge that. What type a removed one had nobody knows here.
    const type = (now ?? before)?.type ?? 'CertificateLifetime'
    if (type === 'CertificateLifetime') await tx.policySweeps.again(type)
  },
  async check(tx, change) {
    const { before, given } = change
    if (before !== undefined && given.type !== undefined && given.type !== before.type)
      throw fieldFault('type', `is ${before.type} and stays so; make another policy instead`)
    const config = configOf(change)
    if (config === undefined) return given
    const { allowed_issuer_ids: issuers, allowed_profile_ids: profiles } = config
    await requireReferences(tx, { field: 'config.allowed_issuer_ids', kind: 'issuer', ids: issuers })
    await requireReferences(tx, { field: 'config.allowed_profile_ids', kind: 'profile', ids: profiles })
    return { ...given, config }
  },
}

/** The whole of it, with its defaults; nothing where it stays as it is. */
function configOf(change: NounChange<PolicyRuleRow>): NounFields | undefined {
  const { before, given } = change
  if (before !== undefined && given.config === undefined) return undefined
  const type = policyTypes.find((known) => known === after(change, 'type'))
  if (type === undefined) throw fieldFault('type', `must be one of ${policyTypes.join(', ')}`)
  const parsed = policyConfigSchemas[type].safeParse(given.config ?? {})
  if (parsed.success) return parsed.data
  const errors = faultsOf(parsed.error).map(({ field, message }) => ({ field: `config.${field}`, message }))
  const message = errors.map((fault) => `${fault.field}: ${fault.message}`).join('; ')
  throw new CertctlError('request_malformed', message, { errors })
}
