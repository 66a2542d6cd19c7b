import { broken, doubtful, type Fault, type Finding, fine } from '../finding.js'
import type { FindingCode } from '../finding-codes.js'
import type { Looks } from '../looks.js'
import { dnsNameOf, type Subject } from '../subject.js'
import { type Ca, caOf } from './ca.js'
import { type IssueValue, parseIssueValue } from './issue-value.js'

/** Whether the standing record of dns-persist-01 lets this account order; for other methods, whether one stands there that does not. */
export async function checkStanding(looks: Looks, subject: Subject): Promise<Finding[]> {
  const name = dnsNameOf(subject)
  if (name === undefined) return []
  const isUsed = subject.method === 'dns-persist-01'
  const isWild = subject.asked.kind === 'dns' && subject.asked.isWildcard
  const at = `_validation-persist.${name}`
  const found = await looks.resolve(at, 'TXT')
  if (found.state === 'failed' || (found.state !== 'found' && !isUsed)) return []
  const wanted: Wanted = { at, isWild, ca: await caOf(looks), now: looks.now() }
  const values = found.state === 'found' ? found.records.map(({ value }) => value) : []
  const parsed = values.map((value) => ({ value, parsed: parseIssueValue(value) }))
  const malformed = parsed.filter((one) => one.parsed === undefined).map(({ value }) => unreadable(at, value))
  const ours = parsed.flatMap((one) => one.parsed ?? []).filter((one) => isForCa(one, wanted.ca))
  if (ours.length === 0) return [...malformed, ...(isUsed ? [missing(wanted)] : [])]
  const faults = ours.map((value) => faultsOf(value, wanted))
  if (faults.some((list) => list.length === 0))
    return [...malformed, fine('persist_ok', `${at} lets this account order`)]
  const say = isUsed ? broken : doubtful
  return [...malformed, ...faults.flat().map(({ code, fault }) => say(code, fault))]
}

interface Wanted {
  at: string
  isWild: boolean
  ca: Ca
  now: Date
}

/** Where the CA does not say by which name it goes, each record may be for it. */
function isForCa({ domain }: IssueValue, { identities }: Ca): boolean {
  return identities.length === 0 || identities.includes(domain)
}

function faultsOf({ domain, parameters }: IssueValue, wanted: Wanted): { code: FindingCode; fault: Fault }[] {
  const { at, isWild, ca, now } = wanted
  const account = parameters.get('accounturi')
  const until = parameters.get('persistuntil')
  const remedy = `Create beside or instead of it: ${recordFor(wanted, domain)}`
  const faults: { code: FindingCode; fault: Fault }[] = []
  if (account === undefined || (ca.account !== undefined && account !== ca.account))
    faults.push({ code: 'persist_account', fault: { ...wrongAccount(at, domain, account), remedy } })
  if (until !== undefined && !(Number(until) * 1000 > now.getTime()))
    faults.push({ code: 'persist_ended', fault: { ...ended(at, until), remedy } })
  if (isWild && parameters.get('policy')?.toLowerCase() !== 'wildcard')
    faults.push({ code: 'persist_policy', fault: { ...narrow(at, domain), remedy } })
  return faults
}

function recordFor({ at, isWild, ca }: Wanted, domain: string): string {
  const account = ca.account ?? '<the URL of the account>'
  return `${at}. TXT "${domain}; accounturi=${account}${isWild ? '; policy=wildcard' : ''}"`
}

function wrongAccount(at: string, domain: string, account: string | undefined) {
  return {
    seen: `${at} lets ${account === undefined ? 'no account' : `the account ${account.slice(0, 200)}`} order from ${domain}`,
    cause:
      'The record was made for another account, or the account was made anew. The two are compared letter by letter',
  }
}

function ended(at: string, until: string) {
  const end = new Date(Number(until) * 1000)
  const when = Number.isNaN(end.getTime()) ? `"${until.slice(0, 30)}", which is no time` : end.toISOString()
  return { seen: `${at} stands until ${when}`, cause: 'Its persistUntil has passed, or is not in seconds since 1970' }
}

function narrow(at: string, domain: string) {
  return {
    seen: `${at} for ${domain} does not say policy=wildcard`,
    cause: 'Without it, the record proves the name alone, and no wildcard',
  }
}

function missing(wanted: Wanted): Finding {
  const { at, ca } = wanted
  const domain = ca.identities[0] ?? '<the name of your CA>'
  return broken('persist_missing', {
    seen: `${at} has no TXT record for this CA`,
    cause: 'dns-persist-01 is proven by a record that stands there before the order',
    remedy: `Create: ${recordFor(wanted, domain)}`,
  })
}

function unreadable(at: string, value: string): Finding {
  return doubtful('persist_malformed', {
    seen: `A TXT record of ${at} cannot be read: ${JSON.stringify(value.slice(0, 60))}`,
    cause: 'It does not have the form "ca.example; accounturi=https://…", or names something twice',
    remedy: 'Correct or remove it',
  })
}
