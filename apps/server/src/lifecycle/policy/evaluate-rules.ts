import type { GeneralName } from '@certctl/core'
import { formatGeneralName } from '@certctl/pki'
import type { PolicyRuleRow } from '../../store/policy-rules.js'
import { isNamed } from '../asking/is-named.js'

export type Rule = Pick<PolicyRuleRow, 'id' | 'name' | 'type' | 'config' | 'severity' | 'mode'>

/** A certificate as rules see it. */
export interface RuleSubject {
  issuerId: string
  profileId: string | undefined
  commonName: string | undefined
  names: readonly GeneralName[]
  environment: string
  ownerId: string | undefined
  teamId: string | undefined
  tags: Readonly<Record<string, string>>
  /** The validity that the CA is asked for, where one is. */
  wantedSeconds: number | undefined
  /** Of its renewal policy, where it has one. */
  renewalWindowDays: number | undefined
  /** What it serves now; left out where the question is what may be issued next. */
  serving: readonly { notBefore: Date; notAfter: Date; renewAt: Date | undefined }[]
}

export interface Violation {
  rule: Rule
  message: string
}

type Judge = (config: Readonly<Record<string, unknown>>, subject: RuleSubject) => string | undefined

const dayMs = 86_400_000

const judges: ReadonlyMap<string, Judge> = new Map([
  ['AllowedIssuers', judgeIssuer],
  ['AllowedProfiles', judgeProfile],
  ['AllowedDomains', judgeDomains],
  ['RequiredMetadata', judgeMetadata],
  ['AllowedEnvironments', judgeEnvironment],
  ['RenewalLeadTime', judgeLeadTime],
  ['CertificateLifetime', judgeLifetime],
])

/** What of these rules a certificate violates. A rule of a type nobody knows is violated by nothing. */
export function evaluateRules(rules: readonly Rule[], subject: RuleSubject): Violation[] {
  return rules.flatMap((rule) => {
    const message = judges.get(rule.type)?.(rule.config as Readonly<Record<string, unknown>>, subject)
    return message === undefined ? [] : [{ rule, message }]
  })
}

function judgeIssuer(config: Readonly<Record<string, unknown>>, { issuerId }: RuleSubject): string | undefined {
  const allowed = texts(config.allowed_issuer_ids)
  if (allowed.includes(issuerId)) return undefined
  return `The issuer ${issuerId} is not among the allowed ones: ${allowed.join(', ') || 'none'}`
}

/** None is not one of them: who asks without a profile is bound by what everybody may have. */
function judgeProfile(config: Readonly<Record<string, unknown>>, { profileId }: RuleSubject): string | undefined {
  const allowed = texts(config.allowed_profile_ids)
  if (profileId !== undefined && allowed.includes(profileId)) return undefined
  const fault = profileId === undefined ? 'It has no profile, and needs one of' : `Its profile ${profileId} is none of`
  return `${fault} the allowed ones: ${allowed.join(', ') || 'none'}`
}

function judgeDomains(
  config: Readonly<Record<string, unknown>>,
  { commonName, names }: RuleSubject,
): string | undefined {
  const allowed = texts(config.allowed_domains).map((domain) => domain.trim().toLowerCase().replace(/\.$/, ''))
  if (names.length === 0) return 'It has no alternative names'
  if (commonName !== undefined && !isNamed(commonName, names))
    return `The common name "${commonName.slice(0, 80)}" is none of its names, so that no domain is known to contain it`
  const strangers = names.filter((name) => !allowed.some((domain) => isWithin(name, domain)))
  if (strangers.length === 0) return undefined
  const shown = strangers.slice(0, 5).map(formatGeneralName).join(', ')
  const more = strangers.length > 5 ? ` and ${strangers.length - 5} more` : ''
  return `${shown}${more} is in none of the allowed domains: ${allowed.join(', ') || 'none'}`
}

/** `example.test` is that name alone, `*.example.test` one label below it. Mailboxes count by their domain; an address or a URI must be listed as it is. */
function isWithin({ type, value }: GeneralName, domain: string): boolean {
  const name = value.toLowerCase()
  if (name === domain) return true
  if (type !== 'dns' && type !== 'email') return false
  const host = type === 'email' ? name.slice(name.lastIndexOf('@') + 1) : name
  if (host === domain) return true
  if (!domain.startsWith('*.')) return false
  const dot = host.indexOf('.')
  return dot > 0 && host.slice(dot) === domain.slice(1)
}

/** A key is a tag; `owner`, `team` and `environment` are also had by whoever has one. */
function judgeMetadata(config: Readonly<Record<string, unknown>>, subject: RuleSubject): string | undefined {
  const { tags, ownerId = '', teamId = '', environment } = subject
  const fields = new Map([
    ['owner', ownerId],
    ['owner_id', ownerId],
    ['team', teamId],
    ['team_id', teamId],
    ['environment', environment],
  ])
  const missing = texts(config.required_keys).filter(
    (key) => ((Object.hasOwn(tags, key) ? tags[key] : undefined) ?? '').trim() === '' && (fields.get(key) ?? '') === '',
  )
  return missing.length === 0 ? undefined : `It lacks ${missing.join(', ')}`
}

function judgeEnvironment(config: Readonly<Record<string, unknown>>, { environment }: RuleSubject): string | undefined {
  const allowed = texts(config.allowed)
  if (allowed.includes(environment)) return undefined
  return `${environment === '' ? 'No environment' : `The environment ${environment}`} is not among the allowed ones: ${allowed.join(', ') || 'none'}`
}

function judgeLeadTime(config: Readonly<Record<string, unknown>>, subject: RuleSubject): string | undefined {
  const wanted = number(config.lead_time_days) ?? 30
  const { serving, renewalWindowDays } = subject
  const leads = serving.flatMap(({ notAfter, renewAt }) =>
    renewAt === undefined ? [] : [(notAfter.getTime() - renewAt.getTime()) / dayMs],
  )
  // The policy says when the next one is renewed, whatever was planned for this one.
  const shortest = Math.min(...leads, renewalWindowDays ?? Number.POSITIVE_INFINITY)
  if (shortest >= wanted) return undefined
  return `It is renewed ${rounded(shortest)} days before its end; at least ${wanted} are wanted`
}

function judgeLifetime(config: Readonly<Record<string, unknown>>, subject: RuleSubject): string | undefined {
  const most = number(config.max_days)
  if (most === undefined) return undefined
  const { serving, wantedSeconds = 0 } = subject
  const lives = serving.map(({ notBefore, notAfter }) => (notAfter.getTime() - notBefore.getTime()) / dayMs)
  const longest = Math.max(wantedSeconds / 86_400, ...lives)
  // RFC 5280 §4.1.2.5: the last second is part of the validity, so that 90 days are often written as 90 days less a second, or plus one.
  if (longest <= most + 1 / 86_400) return undefined
  const days = rounded(longest)
  const over = days > most ? '' : ` and ${Math.round((longest - most) * 86_400)} s`
  return `It lives ${days} days${over}; at most ${most} are allowed`
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function rounded(days: number): number {
  return Math.round(days * 100) / 100
}
