import type { Logger } from '@certctl/core'
import { destination, pino } from 'pino'
import type { LogLevel } from './config.js'

/** Connectors warn; only the agent itself knows what is an error. */
export interface AgentLog extends Logger {
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** JSON lines on stdout, written before the call returns, so that the last line before a crash is not lost. */
export function createLog(level: LogLevel, stream = destination({ fd: 1, sync: true })): AgentLog {
  const formatters = { level: (label: string) => ({ level: label }) }
  const timestamp = pino.stdTimeFunctions.isoTime
  const out = pino({ level, base: null, messageKey: 'message', timestamp, formatters }, stream)
  return {
    debug: (message, fields = {}) => out.debug(fields, message),
    info: (message, fields = {}) => out.info(fields, message),
    warn: (message, fields = {}) => out.warn(fields, message),
    error: (message, fields = {}) => out.error(fields, message),
  }
}
