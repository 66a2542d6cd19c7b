import type { Logger as ConnectorLogger } from '@certctl/core'
import type { Logger } from 'pino'
import type { Concealer } from './concealer.js'

/** The server's log as a connector sees it: each line names the instance and shows none of its secrets. */
export function connectorLog(log: Logger, instance: string, conceal: Concealer): ConnectorLogger {
  const child = log.child({ instance })
  return {
    debug: (message, fields = {}) => child.debug(conceal.fields(fields), conceal.text(message)),
    info: (message, fields = {}) => child.info(conceal.fields(fields), conceal.text(message)),
    warn: (message, fields = {}) => child.warn(conceal.fields(fields), conceal.text(message)),
  }
}
