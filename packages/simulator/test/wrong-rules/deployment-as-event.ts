import type { Tampering } from '../../src/tampering.js'

/** A deployment follows a renewal, once; nobody compares what is there with what should be. */
export const deploymentAsEvent: Tampering = {
  name: 'deployment is an event',
  async setUp(sql) {
    await sql.rows(`create function deployed_once() returns trigger language plpgsql as $$ begin
      if new.kind = 'deploy' and exists (
        select 1 from jobs join placements on placements.id = jobs.placement_id
         where jobs.placement_id = new.placement_id and jobs.kind = 'deploy' and jobs.created_at >= placements.desired_at
      ) then return null; end if;
      return new; end $$`)
    await sql.rows('create trigger deployed_once before insert on jobs for each row execute function deployed_once()')
  },
}
