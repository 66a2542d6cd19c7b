import type { RunOptions } from '@certctl/core'
import { createTestHost, type DnsWorld, type RunAnswer } from '@certctl/testing'

export const hookPaths = {
  present_script: '/etc/certctl/dns/present.sh',
  cleanup_script: '/etc/certctl/dns/cleanup.sh',
}

/**
 * Two programs as an operator would write them for a zone: told everything in the environment, one value at a time, exit code 0 only when
 * it is so. They know two zones and refuse other names, as the tools inside such scripts do.
 */
export function fakeHooks(): DnsWorld & { readonly seen: readonly RunOptions[] } {
  const records = new Map<string, readonly string[]>()
  const seen: RunOptions[] = []
  const host = createTestHost({
    run(argv, _, options) {
      seen.push(options)
      return runHook(records, argv, options.environment ?? {})
    },
  })
  for (const path of Object.values(hookPaths)) host.files.put(path, '#!/bin/sh\n', { mode: 0o755, owner: 'root' })
  return {
    host,
    seen,
    values: (name) => records.get(name) ?? [],
    plant: (name, values) => void records.set(name, [...(records.get(name) ?? []), ...values]),
    names: () => [...records.keys()],
  }
}

function runHook(
  records: Map<string, readonly string[]>,
  [program]: readonly string[],
  environment: Readonly<Record<string, string>>,
): RunAnswer {
  const { CERTCTL_DNS_FQDN: name, CERTCTL_DNS_VALUE: value, CERTCTL_DNS_DOMAIN: domain } = environment
  if (name === undefined || value === undefined || domain === undefined)
    return { exitCode: 2, stderr: 'unset variable' }
  if (!/(^|\.)example\.test$/.test(name)) return { exitCode: 1, stderr: `${name}: not in a zone of mine` }
  const there = records.get(name) ?? []
  const others = there.filter((other) => other !== value)
  if (program === hookPaths.present_script) records.set(name, [...others, value])
  else if (program === hookPaths.cleanup_script && others.length === 0) records.delete(name)
  else if (program === hookPaths.cleanup_script) records.set(name, others)
  else return { exitCode: 127, stderr: `${program}: not found` }
  return { exitCode: 0 }
}
