import type { RecordOf } from '../dns/dns-record.js'
import { broken, doubtful, type Finding, fine } from '../finding.js'
import type { Looks } from '../looks.js'
import { dnsNameOf, type Subject } from '../subject.js'
import { type Ca, caOf } from './ca.js'
import { type IssueValue, parseIssueValue } from './issue-value.js'

type Caa = RecordOf<'CAA'>

/** Those a CA must understand or may pass over; RFC 8659, RFC 9495 and the CA/Browser Forum's. */
const knownTags = ['issue', 'issuewild', 'iodef', 'issuemail', 'issuevmc', 'contactemail', 'contactphone']

/** Whether CAA records let this CA, this account and this method issue for the name. */
export async function checkCaa(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  const found = await relevantSet(looks, name)
  if ('failed' in found) return [lookupFailed(found.at, found.failed)]
  if (found.records.length === 0) return [fine('caa_none', `Neither ${name} nor a name above it has CAA records`)]
  const critical = found.records.filter(({ isCritical, tag }) => isCritical && !knownTags.includes(tag))
  const faults = critical.length > 0 ? [unknownCritical(found.at, critical)] : []
  return [...faults, ...judge(found, subject, await caOf(looks)), ...reports(found)]
}

interface CaaSet {
  /** The name that has them. */
  at: string
  records: readonly Caa[]
}

/** The records of the closest name, from the name itself upward (RFC 8659 §3). A CA that cannot look up one of them must not go on. */
async function relevantSet(looks: Looks, name: string): Promise<CaaSet | { at: string; failed: string }> {
  const labels = name.split('.')
  const names = labels.map((_, index) => labels.slice(index).join('.'))
  const answers = await Promise.all(names.map(async (at) => ({ at, found: await looks.resolve(at, 'CAA') })))
  for (const { at, found } of answers) {
    if (found.state === 'failed') return { at, failed: found.reason }
    if (found.state === 'loop') return { at, failed: 'its alias leads in a circle' }
    if (found.state === 'found') return { at, records: found.records }
  }
  return { at: name, records: [] }
}

function judge({ at, records }: CaaSet, subject: Subject, ca: Ca): Finding[] {
  const isWild = subject.asked.kind === 'dns' && subject.asked.isWildcard
  const wild = records.filter(({ tag }) => tag === 'issuewild')
  const applying = isWild && wild.length > 0 ? wild : records.filter(({ tag }) => tag === 'issue')
  if (applying.length === 0) return [fine('caa_ok', `The CAA records of ${at} do not limit who may issue this`)]
  const malformed = applying.filter(({ value }) => parseIssueValue(value) === undefined)
  const values = applying.flatMap(({ value }) => parseIssueValue(value) ?? [])
  const tag = applying[0]?.tag ?? 'issue'
  return [...malformed.map((record) => unreadable(at, record)), ...verdicts({ at, tag, values }, subject, ca)]
}

interface Judged {
  at: string
  tag: string
  values: readonly IssueValue[]
}

function verdicts({ at, tag, values }: Judged, { method }: Subject, { identities, account }: Ca): Finding[] {
  const allowed = [...new Set(values.flatMap(({ domain }) => (domain === '' ? [] : [domain])))]
  if (allowed.length > 0 && identities.length === 0)
    return [
      fine('caa_unjudged', `The CAA records of ${at} let these issue: ${allowed.join(', ')}; compare with your CA`),
    ]
  const ours = values.filter(({ domain }) => identities.includes(domain))
  const [first] = ours
  if (first === undefined) return [forbids({ at, tag, allowed, identity: identities[0] })]
  const forAccount = ours.filter((value) => isForAccount(value, account))
  const faults: Finding[] = []
  if (forAccount.length === 0) faults.push(boundElsewhere({ at, tag, value: first, account }))
  const open = forAccount.length === 0 ? ours : forAccount
  if (!open.some((value) => isForMethod(value, method))) faults.push(otherMethod(at, { method, values: open }))
  return faults.length > 0 ? faults : [fine('caa_ok', `The CAA records of ${at} let ${first.domain} issue`)]
}

/** RFC 8657 §3. */
function isForAccount({ parameters }: IssueValue, account: string | undefined): boolean {
  const bound = parameters.get('accounturi')
  return bound === undefined || bound === account
}

/** RFC 8657 §4. */
function isForMethod({ parameters }: IssueValue, method: string): boolean {
  const methods = parameters.get('validationmethods')
  return methods === undefined || method === 'none' || methods.split(',').includes(method)
}

function forbids({
  at,
  tag,
  allowed,
  identity,
}: {
  at: string
  tag: string
  allowed: string[]
  identity: string | undefined
}): Finding {
  return broken('caa_forbids', {
    seen: `The CAA records of ${at} let ${allowed.length === 0 ? 'nobody' : `only ${allowed.join(', ')}`} issue${identity === undefined ? '' : `, and this CA goes by ${identity}`}`,
    cause: 'Whoever set them did not mean this CA, and it must refuse',
    remedy: `Create beside them: ${at}. CAA 0 ${tag} "${identity ?? 'the name of your CA'}"`,
  })
}

interface Bound {
  at: string
  tag: string
  value: IssueValue
  account: string | undefined
}

function boundElsewhere({ at, tag, value: { domain, parameters }, account }: Bound): Finding {
  const only = `The CAA records of ${at} let only the account ${parameters.get('accounturi')} issue`
  if (account === undefined)
    return doubtful('caa_account_unknown', {
      seen: only,
      cause: 'They name one account of the CA (RFC 8657), and which one is ours is not known here',
      remedy: 'Compare it with the account of the issuer; certctl issuers test says which it uses',
    })
  return broken('caa_account', {
    seen: `${only}, and ours is ${account}`,
    cause: 'They name another account of the CA (RFC 8657): the account was made anew, or another program has it',
    remedy: `Create beside them: ${at}. CAA 0 ${tag} "${domain}; accounturi=${account}"`,
  })
}

function otherMethod(at: string, { method, values }: { method: string; values: readonly IssueValue[] }): Finding {
  const methods = [...new Set(values.map(({ parameters }) => parameters.get('validationmethods') ?? ''))].join(', ')
  return broken('caa_method', {
    seen: `The CAA records of ${at} allow ${methods}, and the name is to be proven by ${method}`,
    cause: 'They name the methods that the CA may use (RFC 8657), and this one is not among them',
    remedy: `Add ${method} to validationmethods there, or set challenge_type of the issuer to one that is allowed`,
  })
}

function unknownCritical(at: string, records: readonly Caa[]): Finding {
  const tags = [...new Set(records.map(({ tag }) => tag))].join(', ')
  return broken('caa_critical', {
    seen: `The CAA records of ${at} have the critical tag ${tags}`,
    cause: 'A CA that does not know a critical tag must not issue (RFC 8659 §4.5); often it is misspelled',
    remedy: `Correct the tag, or make it uncritical: flag 0 instead of 128 in the CAA record of ${at}`,
  })
}

function unreadable(at: string, { tag, value }: Caa): Finding {
  return doubtful('caa_malformed', {
    seen: `A CAA record of ${at} cannot be read: ${tag} ${JSON.stringify(value.slice(0, 100))}`,
    cause: 'It does not have the form "ca.example; tag=value", so that it lets nobody issue (RFC 8659 §4.2)',
    remedy: `Correct or remove it; it should read like: ${at}. CAA 0 ${tag} "ca.example"`,
  })
}

function lookupFailed(at: string, reason: string): Finding {
  return broken('caa_lookup_failed', {
    seen: `The CAA records of ${at} cannot be looked up: ${reason}`,
    cause:
      'A CA that gets no answer, or SERVFAIL, must not issue (RFC 8659 §3); old name servers fail at types they do not know',
    remedy: `Make the name servers answer this: dig ${at} CAA`,
  })
}

function reports({ at, records }: CaaSet): Finding[] {
  const places = records.filter(({ tag }) => tag === 'iodef').map(({ value }) => value)
  return places.length === 0
    ? []
    : [fine('caa_reports', `The CAA records of ${at} have refusals reported to ${places.join(', ')}`)]
}
