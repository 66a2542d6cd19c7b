/** When an issuer's credentials are to be kept alive next, and how often in a row that failed. Only adds. */
export const issuerMaintenance = {
  name: '0012-issuer-maintenance',
  sql: `
alter table connections add column maintain_at timestamptz;
alter table connections add column maintain_failures integer not null default 0;
`,
}
