import { messageOf } from '@certctl/core'
import { checkAddresses } from './checks/check-addresses.js'
import { checkAliases } from './checks/check-aliases.js'
import { checkBudget } from './checks/check-budget.js'
import { checkCaa } from './checks/check-caa.js'
import { checkClock } from './checks/check-clock.js'
import { checkDelegation } from './checks/check-delegation.js'
import { checkDirectory } from './checks/check-directory.js'
import { checkDnssec } from './checks/check-dnssec.js'
import { checkIssuer } from './checks/check-issuer.js'
import { checkLeftovers } from './checks/check-leftovers.js'
import { checkName } from './checks/check-name.js'
import { checkPath } from './checks/check-path.js'
import { checkPort } from './checks/check-port.js'
import { checkProvider } from './checks/check-provider.js'
import { checkProxy } from './checks/check-proxy.js'
import { checkRedirects } from './checks/check-redirects.js'
import { checkStanding } from './checks/check-standing.js'
import { checkViews } from './checks/check-views.js'
import { doubtful, type Finding } from './finding.js'
import type { Looks } from './looks.js'
import type { Subject } from './subject.js'

export type Check = (looks: Looks, subject: Subject) => Promise<readonly Finding[]>

/** In the order in which their findings are read. */
const checks: Readonly<Record<string, Check>> = {
  name: checkName,
  delegation: checkDelegation,
  aliases: checkAliases,
  addresses: checkAddresses,
  port: checkPort,
  path: checkPath,
  redirects: checkRedirects,
  caa: checkCaa,
  views: checkViews,
  dnssec: checkDnssec,
  leftovers: checkLeftovers,
  standing: checkStanding,
  provider: checkProvider,
  directory: checkDirectory,
  clock: checkClock,
  proxy: checkProxy,
  issuer: checkIssuer,
  budget: checkBudget,
}

/** All checks at once. One that fails, or is not done when the time is over, hides no other. */
export async function runChecks(looks: Looks, subject: Subject, over: AbortSignal): Promise<Finding[]> {
  const end = endOf(over)
  const findings = Object.entries(checks).map(async ([name, check]) => {
    try {
      return judged(await Promise.race([check(looks, subject), end]), name, subject)
    } catch (error) {
      return [unfinished(name, over.aborted ? 'the time of this run was over' : messageOf(error))]
    }
  })
  return (await Promise.all(findings)).flat()
}

/** What matters whatever is to be proven. */
const always: readonly string[] = ['name', 'provider', 'directory', 'clock', 'proxy', 'issuer', 'budget']

/** An issuer that has nothing proven may not care how the name lies in DNS: that alone is no reason why there is no certificate. */
function judged(findings: readonly Finding[], check: string, { method }: Subject): readonly Finding[] {
  if (method !== 'none' || always.includes(check)) return findings
  return findings.map((finding) => (finding.severity === 'error' ? { ...finding, severity: 'warning' } : finding))
}

/** Rejects when the time is over. */
function endOf(over: AbortSignal): Promise<never> {
  const end = new Promise<never>((_, reject) => {
    const stop = () => reject(new Error('over'))
    if (over.aborted) stop()
    else over.addEventListener('abort', stop, { once: true })
  })
  end.catch(() => undefined) // nobody may wait for it any more
  return end
}

function unfinished(name: string, reason: string): Finding {
  return doubtful('check_failed', {
    seen: `The check of ${name} did not come to an end: ${reason}`,
    cause: 'Something that it asks is very slow, or answers in a way that was not foreseen',
    remedy: 'Mend what is found besides, and run the doctor again',
  })
}
