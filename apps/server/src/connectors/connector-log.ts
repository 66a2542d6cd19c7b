import type { Logger as ConnectorLogger } from '@certctl/core'
import type { Logger } from 'pino'

/** The server's log as a connector sees it: each line names the instance. */
export function connectorLog(log: Logger, instance: string): ConnectorLogger {
  const child = log.child({ instance })
  return {
    debug: (message, fields = {}) => child.debug(fields, message),
    info: (message, fields = {}) => child.info(fields, message),
    warn: (message, fields = {}) => child.warn(fields, message),
  }
}
