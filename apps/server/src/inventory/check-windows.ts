import { type WindowRule, windowFault } from '../lifecycle/placement/next-window.js'
import { fieldFault } from './field-fault.js'

/** 400, naming the field, for a maintenance window that cannot be read or never opens. */
export function checkWindows(windows: readonly WindowRule[], now: Date): void {
  for (const [index, rule] of windows.entries()) {
    const fault = windowFault(rule, now)
    if (fault !== undefined) throw fieldFault(`windows.${index}.${fault.field}`, fault.message)
  }
}
