/** Whether it is time: the stored moment has come, or the certificate has ended. */
export function isDueForRenewal(version: { renew_at: Date | null; not_after: Date }, now: Date): boolean {
  const at = Math.min(version.renew_at?.getTime() ?? Number.POSITIVE_INFINITY, version.not_after.getTime())
  return now.getTime() >= at
}
