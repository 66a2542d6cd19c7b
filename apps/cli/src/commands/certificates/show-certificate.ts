import type { Certificate } from '@certctl/api'
import type { Cli } from '../../cli.js'
import { fieldsText } from '../../output/table.js'
import { timeText } from '../../output/time-text.js'

/** One certificate, for people or programs; what its owner should know goes to stderr. */
export function showCertificate(certificate: Certificate, cli: Cli): void {
  const now = cli.io.now()
  cli.show(certificate, () =>
    fieldsText([
      ['id', certificate.id],
      ['name', certificate.name],
      ['names', namesOf(certificate).join(', ')],
      ['status', certificate.status],
      ['expires', timeText(certificate.expires_at, now)],
      ['renews', timeText(certificate.renew_at, now)],
      ['issuer', certificate.issuer_id],
      ['targets', certificate.target_ids.join(', ')],
      ['serial number', certificate.serial_number],
      ['fingerprint', certificate.fingerprint_sha256],
      ['environment', certificate.environment],
      ['owner', certificate.owner_id],
      ['team', certificate.team_id],
      ['profile', certificate.certificate_profile_id],
      ['renewal policy', certificate.renewal_policy_id],
      [
        'tags',
        Object.entries(certificate.tags)
          .map(([key, value]) => `${key}=${value}`)
          .join(', '),
      ],
      ['renewed', timeText(certificate.last_renewal_at, now)],
      ['deployed', timeText(certificate.last_deployment_at, now)],
      ['created', timeText(certificate.created_at, now)],
      ...(certificate.holders ?? []).flatMap(
        (holder) =>
          [
            ['key held by', holderText(holder, now)],
            ['  renewal', renewalText(holder, now)],
            ['  wished by CA', windowText(holder)],
          ] as const,
      ),
    ]),
  )
  for (const notice of certificate.notices ?? []) cli.say(`note: ${notice}`)
}

function namesOf({ common_name, sans }: Certificate): string[] {
  return [...new Set([common_name, ...sans])].filter((name) => name !== '')
}

type Holder = NonNullable<Certificate['holders']>[number]

function holderText(holder: Holder, now: Date): string {
  const who = holder.agent_id === undefined ? holder.kind : `agent ${holder.agent_id}`
  const until = timeText(holder.not_after, now)
  const trouble = holder.cause === undefined ? '' : `; ${holder.cause.code}: ${holder.cause.message}`
  return `${who}${until === undefined ? ', nothing issued yet' : `, until ${until}`}${trouble}`
}

/** When its next certificate is asked for, what decided on that, and when a failed attempt is repeated. */
function renewalText(holder: Holder, now: Date): string | undefined {
  const { renew_at, renew_at_reason: reason, failures = 0 } = holder
  const next = timeText(holder.next_attempt_at, now)
  const at = timeText(renew_at, now) ?? (reason === undefined ? undefined : 'not by itself')
  const tries = [
    failures > 0 ? `${failures} failed in a row` : undefined,
    next === undefined ? undefined : `next attempt ${next}`,
  ]
  const said = [reason === undefined ? at : `${at}: ${reason}`, joined(tries, ', ')]
  return joined(said, '; ')
}

function joined(parts: readonly (string | undefined)[], by: string): string | undefined {
  const said = parts.filter((part) => part !== undefined).join(by)
  return said === '' ? undefined : said
}

function windowText(holder: Holder): string | undefined {
  const { renewal_window_start: start, renewal_window_end: end, renewal_info_url: url } = holder
  if (start === undefined || end === undefined) return undefined
  return `${start} to ${end}${url === undefined ? '' : `, because of ${url}`}`
}
