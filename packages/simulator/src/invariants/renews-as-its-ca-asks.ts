import type { RowCheck } from './ask-rows.js'

/**
 * Where a CA says when it wants a certificate renewed (RFC 9773), it is: a day and a half after the window at the latest (0.49 of the
 * life here), and thirty hours after the CA wanted it back, as long as agent and CA are there. `simulated_suggesting` holds which CAs do, and
 * when one last wanted back what it had issued until then.
 */
export const renewsAsItsCaAsks: RowCheck = {
  invariant: 'renewsAsItsCaAsks',
  faults: `
    select versions.certificate_id || ', received ' || versions.received_at || ', is not renewed, although its CA asks for it'
      || case when versions.received_at <= suggesting.wanted_back_at then ' since ' || suggesting.wanted_back_at else '' end as fault
      from versions join holders on holders.current_version_id = versions.id
      join certificates on certificates.id = versions.certificate_id
      join simulated_suggesting suggesting on suggesting.issuer_id = versions.issuer_id
     where holders.closed_at is null and versions.revoked_at is null and certificates.archived_at is null
       and certificates.issuer_id = versions.issuer_id
       and (versions.received_at + (versions.not_after - versions.received_at) * 0.49 < $1::timestamptz - interval '36 hours'
         or (versions.received_at <= suggesting.wanted_back_at and suggesting.wanted_back_at < $1::timestamptz - interval '30 hours'))
       and not exists (select 1 from simulated_down where party in (holders.agent_id, versions.issuer_id))`,
}
