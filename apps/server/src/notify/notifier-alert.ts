/** Under which the alert of a notifier is open: one at a time. */
export function notifierSubject(id: string): string {
  return `notifier ${id}`
}
