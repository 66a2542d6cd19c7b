import type { DoctorReport } from '@certctl/api'
import { CertctlError, z } from '@certctl/core'
import { cleanText } from '../output/clean-text.js'
import { type Column, tableText } from '../output/table.js'
import { defineVerb } from '../verb.js'

const methods = ['http-01', 'dns-01', 'dns-persist-01', 'tls-alpn-01'] as const

export const doctor = defineVerb({
  name: 'doctor',
  summary:
    'Finds out why a certificate for a name cannot be had: looks at DNS, CAA, DNSSEC, port 80 and redirects as a CA does, and at the CA, its account, limits and clock. Changes nothing. Exit code 1 where something is broken',
  examples: [
    'certctl doctor www.example.com',
    'certctl doctor www.example.com --issuer iss-acme-prod   # as this issuer would prove it',
    "certctl doctor '*.example.com' --method dns-01   # what if it were proven by DNS",
    'certctl doctor www.example.com --json',
  ],
  arguments: { name: 'DNS name, with *. in front or without, or IP address' },
  options: {
    '--issuer <id>': 'Issuer that is to issue; the default one where not given',
    '--method <method>': `How the name is proven: ${methods.join(', ')}; as the issuer does where not given`,
    '--all': 'Also what is well',
  },
  given: z.object({
    name: z.string(),
    issuer: z.string().optional(),
    method: z.enum(methods, `must be one of ${methods.join(', ')}`).optional(),
    all: z.boolean().prefault(false),
  }),
  run: async ({ name, issuer, method, all }, cli) => {
    cli.say(`Looking at ${name}; this takes up to 20 s`)
    const { body } = await cli.client().examineName({ body: { name, issuer_id: issuer, method } })
    cli.show(body, () => reportText(name, body, all))
    const broken = body.findings.filter(({ severity }) => severity === 'error').length
    if (broken > 0)
      throw new CertctlError(
        'precondition_failed',
        `${counted(broken, 'thing')} must be mended before a certificate for ${name} can be had`,
      )
  },
})

type Finding = DoctorReport['findings'][number]

const headings = { error: 'BROKEN', warning: 'DOUBTFUL', ok: 'WELL' } as const

function reportText(name: string, report: DoctorReport, all: boolean): string {
  const { findings, method, issuer_id } = report
  const by = issuer_id === undefined ? '' : ` for ${issuer_id}`
  const shown = (['error', 'warning', 'ok'] as const).filter((severity) => all || severity !== 'ok')
  const parts = shown.map((severity) => partText(severity, findings))
  const well = findings.filter(({ severity }) => severity === 'ok').length
  return [
    cleanText(method === 'none' ? `${name},${by}, which solves no challenges` : `${name}, proven by ${method}${by}`),
    ...parts.filter((part) => part !== undefined),
    ...(all ? [] : [`${counted(well, 'thing')} found well${well === 0 ? '' : '; --all shows them'}`]),
  ].join('\n\n')
}

function partText(severity: Finding['severity'], findings: readonly Finding[]): string | undefined {
  const some = findings.filter((finding) => finding.severity === severity)
  if (some.length === 0) return undefined
  const heading = `${headings[severity]} (${some.length})`
  return severity === 'ok'
    ? `${heading}\n${tableText(wellColumns, some)}`
    : [heading, ...some.map(findingText)].join('\n')
}

const wellColumns: readonly Column<Finding>[] = [
  { title: 'CODE', value: ({ code }) => code },
  { title: 'SEEN', value: ({ seen }) => seen },
]

function findingText({ code, seen, cause, remedy }: Finding): string {
  const lines = [
    `  ${cleanText(code)}: ${cleanText(seen)}`,
    ...(cause === undefined ? [] : [`    why  ${cleanText(cause)}`]),
    ...(remedy === undefined ? [] : [`    do   ${cleanText(remedy)}`]),
  ]
  return lines.join('\n')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
