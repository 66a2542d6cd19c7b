import type { Rule } from './evaluate-rules.js'

const daySeconds = 86_400

/** The shortest maximum that enforced rules set for a certificate's life, in seconds. `undefined`: none does. */
export function longestLife(rules: readonly Pick<Rule, 'type' | 'mode' | 'config'>[]): number | undefined {
  const days = rules.flatMap(({ type, mode, config }) => {
    if (type !== 'CertificateLifetime' || mode !== 'enforce') return []
    const { max_days: most } = config as Readonly<Record<string, unknown>>
    return typeof most === 'number' && Number.isFinite(most) && most > 0 ? [most] : []
  })
  return days.length === 0 ? undefined : Math.min(...days) * daySeconds
}
