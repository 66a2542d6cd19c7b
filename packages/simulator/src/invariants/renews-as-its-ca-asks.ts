import { window } from '../model/renewal-windows.js'
import type { RowCheck } from './ask-rows.js'

/**
 * Where a CA says when it wants a certificate renewed (RFC 9773), it is: a day and a half after the window at the latest, and thirty hours
 * after the CA wanted it back, as long as agent and CA are there and no attempt that failed is waited for. `simulated_suggesting` holds
 * which CAs say so, `simulated_wanted_back` when they wanted back what they had issued until then.
 */
export const renewsAsItsCaAsks: RowCheck = {
  invariant: 'renewsAsItsCaAsks',
  faults: `
    select versions.certificate_id || ', received ' || versions.received_at || ', is not renewed, although its CA asks for it' as fault
      from versions join holders on holders.current_version_id = versions.id
      join certificates on certificates.id = versions.certificate_id
      join simulated_suggesting suggesting on suggesting.issuer_id = versions.issuer_id
     where holders.closed_at is null and versions.revoked_at is null and certificates.archived_at is null
       and certificates.issuer_id = versions.issuer_id
       and (versions.received_at + (versions.not_after - versions.received_at) * ${window.to} < $1::timestamptz - interval '36 hours'
         or exists (select 1 from simulated_wanted_back wanted where wanted.issuer_id = versions.issuer_id
           and wanted.at >= versions.received_at and wanted.at < $1::timestamptz - interval '30 hours'))
       and (holders.next_attempt_at is null or holders.next_attempt_at <= $1)
       and not exists (select 1 from jobs where jobs.holder_id = holders.id and jobs.kind = 'issue'
         and jobs.state in ('waiting_csr', 'ready') and jobs.run_at > $1)
       and not exists (select 1 from simulated_down where party in (holders.agent_id, versions.issuer_id))`,
}
