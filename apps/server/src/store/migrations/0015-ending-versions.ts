/** What ends soon was looked for among all versions, every five minutes. Only adds; it locks writes to versions for as long as the index takes. */
export const endingVersions = {
  name: '0015-ending-versions',
  sql: `
create index versions_ending on versions (((not_after at time zone 'utc') - (not_after - received_at) / 10), id)
  where standing = 'current' and revoked_at is null;
`,
}
