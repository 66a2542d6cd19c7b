/** Until when an issuer said that it takes no new orders. Only adds. */
export const issuerPauses = {
  name: '0010-issuer-pauses',
  sql: `
alter table connections add column paused_until timestamptz;
`,
}
