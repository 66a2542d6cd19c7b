import { operations, type Policy, policyConfigSchemas, policyTypes } from '@certctl/api'
import { z } from '@certctl/core'
import { agoText } from '../output/time-text.js'
import { parseBody } from '../parse-body.js'
import { pageGiven, pageOptions, readPages } from '../read-pages.js'
import { defineVerb } from '../verb.js'
import { mapOption, textOption, yesNoOption } from './plain-nouns/field-option.js'
import type { PlainNoun } from './plain-nouns/noun.js'
import { plainVerbs } from './plain-nouns/verbs.js'

const settings = Object.values(policyConfigSchemas).flatMap((schema) => Object.keys(schema.shape))
const settingsHelp = `What the rule is told, by its type: ${settings.join(', ')}; commas between several`

const noun: PlainNoun<Policy> = {
  plural: 'policies',
  singular: 'policy',
  aSingular: 'a policy',
  example: {
    id: 'pr-prod',
    create: '--id pr-prod --type AllowedEnvironments --set allowed=production,staging',
    change: '--mode enforce',
  },
  columns: [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'TYPE', value: ({ type }) => type },
    { title: 'SEVERITY', value: ({ severity }) => severity },
    { title: 'MODE', value: ({ mode }) => mode },
    { title: 'ENABLED', value: ({ enabled }) => enabled },
  ],
  newOptions: [textOption('--type <type>', { field: 'type', says: policyTypes.join(', ') })],
  options: [
    mapOption('--set <key=value>...', { field: 'config', says: settingsHelp, value: settingOf }),
    textOption('--severity <severity>', { field: 'severity', says: 'Warning, Error or Critical' }),
    textOption('--mode <mode>', {
      field: 'mode',
      says: 'warn: a violation is recorded; enforce: it stops what would cause it',
    }),
    yesNoOption('--enabled <yes|no>', { field: 'enabled', says: 'Whether it counts' }),
  ],
  list: (client, query) => client.listPolicies({ query }),
  get: (client, id) => client.getPolicy({ params: { id } }),
  create: (client, given) => client.createPolicy({ body: parseBody(operations.createPolicy, given) }),
  update: (client, id, given) =>
    client.updatePolicy({ params: { id }, body: parseBody(operations.updatePolicy, given) }),
  remove: (client, id) => client.deletePolicy({ params: { id } }),
}

const violationsVerb = defineVerb({
  name: 'violations',
  summary: 'Lists the certificates that are against a policy',
  examples: ['certctl policies violations pr-prod', 'certctl policies violations pr-prod --resolved --all'],
  arguments: { id: 'Id of the policy' },
  options: { '--resolved': 'Past ones as well', ...pageOptions },
  given: z.object({ id: z.string(), resolved: z.boolean().optional(), ...pageGiven }),
  run: async ({ id, resolved, ...paging }, cli) => {
    const body = await readPages(paging, (page) =>
      cli.client().listPolicyViolations({ params: { id }, query: { resolved, ...page } }),
    )
    const now = cli.io.now()
    cli.list(body, {
      columns: [
        { title: 'CERTIFICATE', value: (violation) => violation.certificate_id },
        { title: 'SEVERITY', value: (violation) => violation.severity },
        { title: 'SINCE', value: (violation) => agoText(violation.created_at, now) },
        { title: 'OVER', value: (violation) => agoText(violation.resolved_at, now) },
        { title: 'WHAT', value: (violation) => violation.message },
      ],
      none: 'No certificate is against this policy',
    })
  },
})

export const policyVerbs = [...plainVerbs(noun), violationsVerb]

/** Settings are lists of words, or one number. */
function settingOf(texts: string[]): unknown {
  const [first = ''] = texts
  return texts.length === 1 && /^\d{1,9}$/.test(first) ? Number(first) : texts
}
