import { operations, type RenewalPolicy } from '@certctl/api'
import { parseBody } from '../parse-body.js'
import {
  durationOption,
  listOption,
  mapOption,
  numberOption,
  textOption,
  wrong,
  yesNoOption,
} from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const noun: PlainNoun<RenewalPolicy> = {
  plural: 'renewal-policies',
  singular: 'renewal policy',
  aSingular: 'a renewal policy',
  example: { id: 'rp-web', create: '--window-days 20 --alert-days 14,7,1', change: '--auto-renew no' },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'WINDOW', value: ({ renewal_window_days }) => `${renewal_window_days}d` },
    { title: 'AUTO', value: ({ auto_renew }) => auto_renew },
    { title: 'ALERT AFTER', value: ({ max_retries }) => `${max_retries} failures` },
    {
      title: 'ALERTS',
      value: ({ alert_thresholds_days }) => alert_thresholds_days.map((days) => `${days}d`).join(', '),
    },
  ],
  options: [
    numberOption('--window-days <days>', {
      field: 'renewal_window_days',
      says: 'How long before its end a certificate is renewed, 1 to 365',
    }),
    yesNoOption('--auto-renew <yes|no>', { field: 'auto_renew', says: 'Whether it is renewed without being asked' }),
    numberOption('--alert-after <failures>', {
      field: 'max_retries',
      says: 'Failures before somebody is alerted, 0 to 10; trying goes on',
    }),
    durationOption('--retry-interval <duration>', {
      field: 'retry_interval_seconds',
      says: 'Wait after the first failure, 1m to 1d',
    }),
    listOption('--alert-days <days>...', {
      field: 'alert_thresholds_days',
      says: 'Days before the end at which somebody is told',
      each: daysOf,
    }),
    textOption('--profile <id>', { field: 'certificate_profile_id', says: 'Profile of certificates that name none' }),
    mapOption('--channel <tier=channel>...', {
      field: 'alert_channels',
      says: 'Who is told: critical=PagerDuty; tiers are informational, warning, critical',
      value: (names) => names,
    }),
    mapOption('--tier <days=tier>...', {
      field: 'alert_severity_map',
      says: 'Tier of one threshold: 7=critical',
      value: ([tier]) => tier,
    }),
  ],
  list: (client, query) => client.listRenewalPolicies({ query }),
  get: (client, id) => client.getRenewalPolicy({ params: { id } }),
  create: (client, given) => client.createRenewalPolicy({ body: parseBody(operations.createRenewalPolicy, given) }),
  update: (client, id, given) =>
    client.updateRenewalPolicy({ params: { id }, body: parseBody(operations.updateRenewalPolicy, given) }),
  remove: (client, id) => client.deleteRenewalPolicy({ params: { id } }),
}

export const renewalPolicyVerbs = plainVerbs(noun)

function daysOf(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  throw wrong('--alert-days', `takes whole numbers of days, not ${JSON.stringify(text)}`)
}
