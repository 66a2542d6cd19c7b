import { emitEvent, type NewEvent } from '../notify/emit-event.js'
import type { Tx } from '../store/store.js'

export type NewAlert = Omit<NewEvent, 'alertKey' | 'resolves' | 'severity'> & {
  subject: string
  severity: 'warning' | 'critical'
  /** What a person types to put it right, or to see what is wrong. */
  command: string
  /** What was told of the subject before is not the case any more, unless it is the same. `graver`: also where that was graver than this. */
  takesOver?: true | 'graver'
}

/** An event that somebody should act on, until `resolveAlert` of the same subject. Told once per severity; a graver one takes the place of the milder. */
export async function raiseAlert(tx: Tx, { subject, command, takesOver, ...event }: NewAlert): Promise<void> {
  const isGrave = event.severity === 'critical'
  const isGraverOpen = !isGrave && (await tx.events.isOpen(`${subject}:critical`))
  if (isGraverOpen && takesOver !== 'graver') return
  const alertKey = `${subject}:${event.severity}`
  const isOther = takesOver !== undefined && (await tx.events.isOpen(alertKey, { besides: event.type }))
  await emitEvent(tx, {
    ...event,
    title: withCommand(event.title, command),
    data: { ...event.data, command },
    alertKey,
    resolves: isOther ? alertKey : isGrave ? `${subject}:warning` : isGraverOpen ? `${subject}:critical` : undefined,
  })
}

/** The sentence of an alert ends with what to type. */
export function withCommand(title: string, command: string): string {
  return `${title.replace(/\.$/, '')}; run: ${command}`
}
