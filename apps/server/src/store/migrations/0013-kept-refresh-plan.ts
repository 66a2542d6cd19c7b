/**
 * The statements of `refresh_listed_certificates` keep their plans: for the ids of one call a plan of their own always looks cheaper, and
 * making it takes longer than the refresh itself. Its tables are read by indexes from the first row on; which ones are good is known once tables were
 * analyzed, within a minute where autovacuum runs. Only changes how it is planned.
 */
export const keptRefreshPlan = {
  name: '0013-kept-refresh-plan',
  sql: `
alter function refresh_listed_certificates(text[]) set plan_cache_mode = force_generic_plan;
alter function refresh_listed_certificates(text[]) set enable_seqscan = off;
`,
}
