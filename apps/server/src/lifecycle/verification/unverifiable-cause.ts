import type { ErrorCode } from '@certctl/core'
import type { TargetRow } from '../../store/targets.js'

/** Why no handshake can show that a target serves what it holds, and what would change that. */
export function unverifiableCause(
  { id, config }: Pick<TargetRow, 'id' | 'config'>,
  served: readonly { endpoint: string }[],
): { code: ErrorCode; message: string } {
  const [met] = served
  if (met !== undefined)
    return {
      code: 'conflict',
      message: `${met.endpoint} shows the certificate that another agent holds, as behind a load balancer; give the target an endpoint of its own, to be sure of this one`,
    }
  const { post_deploy_verify: own } = config as { post_deploy_verify?: { enabled?: unknown } }
  if (own?.enabled === false)
    return { code: 'unsupported', message: 'Handshakes are switched off for this target (post_deploy_verify.enabled)' }
  return {
    code: 'unsupported',
    message: `No endpoint is known to shake hands with; name one: certctl targets update ${id} --set endpoints='[{"host":"HOST","port":443}]'`,
  }
}
