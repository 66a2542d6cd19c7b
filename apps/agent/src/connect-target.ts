import type { Secret, TargetConnector, TargetHost } from '@certctl/core'
import type { Agent } from './agent.js'
import { type Concealer, createConcealer } from './conceal.js'
import { createTargetHost, type TargetHostParts } from './target-host.js'

export interface TargetConnection extends TargetHostParts {
  /** Keys that the connector is handed. */
  privateKeyPems?: readonly Secret[] | undefined
}

/**
 * A target's connector, on a host of its own. Packages of others forget what is secret: what this one says, in its log, its errors and
 * its answers, has lost the target's secrets and the keys before anybody hears it.
 */
export function connectTarget(agent: Agent, { privateKeyPems = [], ...parts }: TargetConnection): TargetConnector {
  const { definition, parsed, secrets } = parts.target
  const concealer = createConcealer(secrets, privateKeyPems)
  const host = createTargetHost(agent, parts)
  const connector = concealThrown(concealer, () => definition.create(parsed, discreet(host, concealer)))
  const said = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      throw concealer.error(error)
    }
  }
  return discreetConnector(connector, concealer, said)
}

/** Only what is written for people is changed: a fingerprint may hold a short secret by chance, and is compared. */
function discreetConnector(
  connector: TargetConnector,
  { text, value }: Concealer,
  said: <T>(call: () => Promise<T>) => Promise<T>,
): TargetConnector {
  const { cleanUp, test } = connector
  return {
    async deploy(request) {
      const receipt = await said(() => connector.deploy(request))
      return { ...receipt, location: text(receipt.location), metadata: value(receipt.metadata) }
    },
    async verify(request) {
      const report = await said(() => connector.verify(request))
      return { ...report, location: text(report.location) }
    },
    ...(test && { test: async (signal: AbortSignal) => value(await said(() => test.call(connector, signal))) }),
    ...(cleanUp && {
      cleanUp: async (request: Parameters<typeof cleanUp>[0]) =>
        value(await said(() => cleanUp.call(connector, request))),
    }),
    close: () => said(async () => await connector.close?.()),
  }
}

function concealThrown<T>(concealer: Concealer, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw concealer.error(error)
  }
}

function discreet(host: TargetHost, { text, value }: Concealer): TargetHost {
  const { log } = host
  return {
    ...host,
    log: {
      debug: (message, fields = {}) => log.debug(text(message), value(fields)),
      info: (message, fields = {}) => log.info(text(message), value(fields)),
      warn: (message, fields = {}) => log.warn(text(message), value(fields)),
    },
  }
}
