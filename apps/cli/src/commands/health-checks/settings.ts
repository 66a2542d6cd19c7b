import { z } from '@certctl/core'
import { typedNumber } from '../../verb.js'

/** What can be said of a check when it is made and later. */
export const healthCheckOptions = {
  '--server-name <name>': 'Name to ask for (SNI), which the certificate must be for; the host where not given',
  '--certificate <id>': 'What must be served there: whatever its holders have now',
  '--expected <sha256>': 'The only leaf that counts, by its fingerprint in hex',
  '--every <seconds>': 'Pause between two looks, 10 to 86400',
  '--timeout <ms>': 'How long one look may take, 100 to 60000',
  '--degraded-at <count>': 'Failures in a row from which it is degraded',
  '--down-at <count>': 'Failures in a row from which it is down',
}

export const healthCheckGiven = {
  serverName: z.string().optional(),
  certificate: z.string().optional(),
  expected: z.string().optional(),
  every: typedNumber(10, 86_400).optional(),
  timeout: typedNumber(100, 60_000).optional(),
  degradedAt: typedNumber(1, 100).optional(),
  downAt: typedNumber(1, 100).optional(),
}

type Given = z.output<z.ZodObject<typeof healthCheckGiven>>

/** The same in the words of the wire; what was not said is left out. */
export function healthCheckFields(given: Given): Record<string, unknown> {
  const said = {
    server_name: given.serverName,
    certificate_id: given.certificate,
    expected_fingerprint: given.expected?.replaceAll(':', '').toLowerCase(),
    check_interval_seconds: given.every,
    timeout_ms: given.timeout,
    degraded_threshold: given.degradedAt,
    down_threshold: given.downAt,
  }
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
}
