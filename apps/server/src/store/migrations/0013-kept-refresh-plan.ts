/**
 * The statements of `refresh_listed_certificates` keep their plans: for the ids of one call a plan of their own always looks cheaper, and
 * making it takes longer than the refresh itself. A plan that is made while tables are small must do for when they have grown: all that the function
 * asks for is found by an index. Only changes how it is planned.
 */
export const keptRefreshPlan = {
  name: '0013-kept-refresh-plan',
  sql: `
alter function refresh_listed_certificates(text[]) set plan_cache_mode = force_generic_plan;
alter function refresh_listed_certificates(text[]) set enable_seqscan = off;
`,
}
