import type { Logger } from '@certctl/core'

export interface LogLine {
  level: 'debug' | 'info' | 'warn'
  message: string
  fields: Readonly<Record<string, unknown>>
}

/** A logger that keeps what it is told in `lines`. */
export function createCapturedLog(lines: LogLine[]): Logger {
  const at =
    (level: LogLine['level']): Logger['info'] =>
    (message, fields = {}) =>
      void lines.push({ level, message, fields })
  return { debug: at('debug'), info: at('info'), warn: at('warn') }
}
