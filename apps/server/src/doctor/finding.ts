import type { FindingCode } from './finding-codes.js'

export type Severity = 'ok' | 'warning' | 'error'

/** One thing that a check saw. What is not well says why, and what to type or which record to create. */
export interface Finding {
  code: FindingCode
  severity: Severity
  seen: string
  cause?: string | undefined
  remedy?: string | undefined
}

export interface Fault {
  seen: string
  cause: string
  remedy: string
}

/** Certificates cannot be had as long as it is so. */
export function broken(code: FindingCode, fault: Fault): Finding {
  return { code, severity: 'error', ...fault }
}

/** It may go well, now and then or from elsewhere. */
export function doubtful(code: FindingCode, fault: Fault): Finding {
  return { code, severity: 'warning', ...fault }
}

export function fine(code: FindingCode, seen: string): Finding {
  return { code, severity: 'ok', seen }
}
