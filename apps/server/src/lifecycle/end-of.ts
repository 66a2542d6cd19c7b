/** Until when a version may serve: its end, or the moment it was revoked. */
export function endOf(version: { not_after: Date; revoked_at: Date | null } | undefined): Date | undefined {
  return version?.revoked_at ?? version?.not_after
}
