import type { DoctorReport } from '@certctl/api'

const well: DoctorReport['findings'] = [
  { code: 'name_ok', severity: 'ok', seen: 'The name can be certified' },
  { code: 'clock_ok', severity: 'ok', seen: 'The clock of this server agrees with that of the CA' },
]

/** Names that begin with `free` need no proof; those that begin with `shut` have a closed port, old answers, and a code nobody knows yet; others are well. */
export function doctorReportOf(asked: {
  name: string
  issuer_id?: string | undefined
  method?: string | undefined
}): DoctorReport {
  const { name, issuer_id = 'iss-local' } = asked
  const { method = name.startsWith('free') ? 'none' : 'http-01' } = asked
  const findings: DoctorReport['findings'] = name.startsWith('shut')
    ? [
        {
          code: 'resolver_differs',
          severity: 'warning',
          seen: `A of ${name}: the resolver 192.0.2.53 says 192.0.2.9, the name servers say 192.0.2.1`,
          cause: 'It still has the answer from before',
          remedy: 'Wait until it has forgotten it',
        },
        {
          code: 'port_closed',
          severity: 'error',
          seen: '192.0.2.1 port 80 refuses connections',
          cause: 'Nothing listens there\u001b[2J',
          remedy: 'Let the web server listen on port 80',
        },
        { code: 'of_a_newer_server', severity: 'error', seen: 'Something new' },
        ...well,
      ]
    : well
  return { issuer_id, method, findings }
}
