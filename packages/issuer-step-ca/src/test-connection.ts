import { CertctlError, formatDuration, z } from '@certctl/core'
import type { Bench } from './bench.js'
import { readAnswer } from './failure.js'
import { clockDifferenceSeconds } from './refusal.js'

const healthSchema = z.object({ status: z.literal('ok') })
const toleratedSeconds = 60

/** Is it there under its root, is its clock ours, has it the provisioner, and is the key the right one? The first that is not is the error. */
export async function testConnection(bench: Bench, signal: AbortSignal): Promise<{ detail: string }> {
  const { client, config, host, provisioners } = bench
  const response = await client({ method: 'GET', path: '/health', signal })
  readAnswer(response, healthSchema, 'step-ca, connection test')
  const apart = clockDifferenceSeconds(response, host.now()) ?? 0
  if (Math.abs(apart) > toleratedSeconds)
    throw new CertctlError(
      'connection_failed',
      `Our clock is ${Math.abs(apart)} s ${apart > 0 ? 'ahead of' : 'behind'} that of step-ca; it would refuse our tokens: set both by NTP`,
    )
  provisioners.forget()
  const { name, key, maxSeconds } = await provisioners.get(signal)
  const limit =
    maxSeconds === undefined ? 'as long as the CA allows (24 h unless changed)' : `up to ${formatDuration(maxSeconds)}`
  const trusted = config.root_cert_path ?? config.root_fingerprint
  const roots = trusted === undefined ? '; it is trusted by the roots of the system' : ''
  return { detail: `step-ca is well; provisioner "${name}" (${key.algorithm}, ${key.kid}) issues for ${limit}${roots}` }
}
