/**
 * The statements of `refresh_listed_certificates` keep their plans: for the ids of one call a plan of their own always looks cheaper, and
 * making it takes longer than the refresh itself. Only changes how it is planned.
 */
export const keptRefreshPlan = {
  name: '0013-kept-refresh-plan',
  sql: `
alter function refresh_listed_certificates(text[]) set plan_cache_mode = force_generic_plan;
`,
}
