import type { RowCheck } from './ask-rows.js'

/**
 * Whatever is to be done has a next time, and that time does not pass by for days while everybody it needs is there. `simulated_down`
 * holds who is away, or was a moment ago.
 */
export const nothingIsStuck: RowCheck = {
  invariant: 'nothingIsStuck',
  faults: `
    select jobs.kind || ' of ' || coalesce(jobs.certificate_id, '-') || ' has been ' || jobs.state || ' since ' || jobs.run_at as fault
      from jobs left join certificates on certificates.id = jobs.certificate_id
     where jobs.state in ('waiting_csr', 'ready', 'active')
       and greatest(jobs.run_at, jobs.locked_until, jobs.bound_until) < $1::timestamptz - interval '12 hours'
       and not exists (select 1 from simulated_down where party in (jobs.agent_id, certificates.issuer_id))
    union all
    select 'the order of ' || orders.certificate_id || ' is open, without a job, since ' || orders.created_at
      from orders
     where orders.state = 'open' and orders.created_at < $1::timestamptz - interval '12 hours'
       and not exists (select 1 from jobs where jobs.order_id = orders.id and jobs.state in ('ready', 'active', 'waiting_csr'))
    union all
    select 'the placement of ' || placements.certificate_id || ' at ' || placements.target_id || ' is ' || placements.state || ', without a job, since ' || placements.updated_at
      from placements join targets on targets.id = placements.target_id
     where placements.removed_at is null and placements.frozen_at is null and placements.desired_version_id is not null
       and placements.blocked_code is null and placements.state in ('pending', 'deploying', 'drifted', 'failed')
       and placements.updated_at < $1::timestamptz - interval '12 hours'
       and coalesce(placements.next_attempt_at, placements.updated_at) < $1::timestamptz - interval '12 hours'
       and not exists (select 1 from jobs where jobs.placement_id = placements.id and jobs.state in ('ready', 'active'))`,
}
