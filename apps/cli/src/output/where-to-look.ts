const places: Readonly<Record<string, string>> = {
  'certificates bulk-renew': 'certctl jobs list --type Bulk',
  'certificates bulk-revoke': 'certctl jobs list --type Bulk',
  'certificates bulk-reassign': 'certctl jobs list --type Bulk',
  'certificates renew': 'certctl jobs list --type Renewal',
  'certificates deploy': 'certctl jobs list --type Deployment',
  'certificates revoke': 'certctl certificates list --status Revoked',
  'certificates archive': 'certctl certificates list --status Archived',
  'admin rotate-encryption-key': 'certctl admin encryption-key',
}

/** What shows whether a command was done whose answer was lost. */
export function whereToLook(words: readonly string[]): string | undefined {
  const [noun] = words
  return places[words.join(' ')] ?? (noun === undefined ? undefined : `certctl ${noun} list`)
}
