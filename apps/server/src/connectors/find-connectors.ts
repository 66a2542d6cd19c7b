import { createRegistry, discoverConnectors, type Registry } from '@certctl/core'
import type { Logger } from 'pino'
import type { Config } from '../config.js'
import { unknownSettings } from '../unknown-settings.js'

const kinds = ['issuer', 'notifier', 'discovery', 'dns'] as const

/** What the server can be connected with: from its own dependencies (`manifest`) and the operator's folder. Says which settings nobody reads. */
export async function findConnectors({
  config,
  log,
  manifest,
}: {
  config: Config
  log: Logger
  manifest: string
}): Promise<Registry> {
  const registry = createRegistry()
  const problems = await discoverConnectors(registry, {
    manifest,
    connectorsDirectory: config.connectors_dir,
    allow: config.connectors_allow,
    kinds,
  })
  for (const problem of problems)
    log.error(problem, 'a connector does not load; what is configured with it is unavailable')
  const read = kinds
    .flatMap((kind) => registry.list(kind))
    .flatMap(({ definition }) => definition.environment ?? [])
    .flatMap(({ when, variables }) => [...Object.values(variables), ...(when === undefined ? [] : [when])])
  for (const warning of unknownSettings(config, read)) log.warn({}, warning)
  if (config.approval_bypass) log.warn({}, 'CERTCTL_APPROVAL_BYPASS is set: nothing waits for a second person')
  return registry
}
