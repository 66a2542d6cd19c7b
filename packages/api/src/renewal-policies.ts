import { z } from 'zod'
import { crudOperations } from './crud-operations.js'
import {
  bounded,
  changedNounShape,
  listOf,
  newNounShape,
  nounQuery,
  nounReadOnly,
  nounShape,
  nullish,
  oneOf,
} from './plain-noun.js'
import { idSchema } from './scalars.js'

export const alertTiers = ['informational', 'warning', 'critical'] as const
/** What every installation may name, configured or not; beside them ids of notifiers. */
export const alertChannels = ['Email', 'Webhook', 'Slack', 'Teams', 'PagerDuty', 'OpsGenie'] as const

export const renewalPolicySchema = z
  .object({
    ...nounShape,
    renewal_window_days: z.number(),
    auto_renew: z.boolean(),
    max_retries: z.number(),
    retry_interval_seconds: z.number(),
    alert_thresholds_days: z.array(z.number()),
    certificate_profile_id: z.string().optional(),
    alert_channels: z.record(z.string(), z.array(z.string())),
    alert_severity_map: z.record(z.string(), z.string()),
  })
  .meta({ id: 'RenewalPolicy' })
export type RenewalPolicy = z.output<typeof renewalPolicySchema>

const daysKey = z
  .string()
  .regex(/^(0|[1-9]\d?|[12]\d\d|3[0-5]\d|36[0-5])$/, 'must be a number of days between 0 and 365, as text: "30"')

const fields = nullish({
  renewal_window_days: bounded(1, 365).describe('How long before its end a certificate is renewed.'),
  auto_renew: z.boolean().describe('Whether it is renewed without being asked.'),
  max_retries: bounded(0, 10).describe('Failures before somebody is alerted; trying goes on.'),
  retry_interval_seconds: bounded(60, 86_400).describe('Wait after the first failure.'),
  alert_thresholds_days: listOf(bounded(0, 365), 50).describe('Days before the end at which somebody is told.'),
  certificate_profile_id: idSchema,
  alert_channels: z
    .partialRecord(oneOf(alertTiers), listOf(z.string().trim().min(1).max(64), 20))
    .describe(`Who is told, by tier: ${alertChannels.join(', ')}, or ids of notifiers.`),
  alert_severity_map: z.record(daysKey, oneOf(alertTiers)).describe('Tier of each threshold: {"14":"warning"}.'),
})

export const renewalPolicyOperations = crudOperations(
  {
    singular: 'RenewalPolicy',
    plural: 'RenewalPolicies',
    path: '/api/v1/renewal-policies',
    summary: 'When certificates are renewed and who is told before they end',
    read: 'renewal_policies.read',
    write: 'renewal_policies.write',
    readOnly: nounReadOnly,
  },
  {
    item: renewalPolicySchema,
    query: nounQuery,
    create: z.strictObject({ ...newNounShape, ...fields }),
    update: z.strictObject({ ...changedNounShape, ...fields }),
  },
)
