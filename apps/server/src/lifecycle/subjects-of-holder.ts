/** What people may be told of about a holder: all of it is over when it has what it needs, or when nobody wants it to have it. */
export function subjectsOfHolder(holderId: string): string[] {
  const causes = ['issuance', 'csr-overdue', 'csr-needed', 'ending', 'expiring', 'ca-asks', 'beside-profile']
  return causes.map((cause) => `${cause}:${holderId}`)
}

/** That what it has is not as its profile says. */
export function besideProfileOf(holderId: string): string {
  return `beside-profile:${holderId}`
}
