import type { Config } from '../config.js'

// What agents do where nothing is said; what is so anyway need not be said.
const agentTimeoutSeconds = 10

/** A target's configuration as its agent gets it: where the target does not say how deployments are proven, as the server's settings have it. */
export function verifiedConfig(
  { verify_deployment: enabled, verify_timeout: timeout }: Pick<Config, 'verify_deployment' | 'verify_timeout'>,
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const usual = {
    ...(enabled ? {} : { enabled }),
    ...(timeout === agentTimeoutSeconds ? {} : { timeout: `${timeout}s` }),
  }
  if (Object.keys(usual).length === 0) return { ...config }
  const { post_deploy_verify: own } = config
  return { ...config, post_deploy_verify: { ...usual, ...(typeof own === 'object' ? own : {}) } }
}
