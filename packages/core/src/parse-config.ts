import type { z } from 'zod'
import { CertctlError, type FieldFault } from './errors.js'
import { splitTargetConfig, type TargetSettings, targetSettingsSchema } from './target-settings.js'

/** Parses what an operator wrote; throws `config_invalid` that lists every faulty field. The value itself is never quoted: it may be a secret. */
export function parseConfig<Config>(schema: z.ZodType<Config>, raw: unknown, what: string): Config {
  const parsed = schema.safeParse(raw)
  if (parsed.success) return parsed.data
  const errors = faultsOf(parsed.error)
  throw new CertctlError(
    'config_invalid',
    `${what}: ${errors.map(({ field, message }) => `${field}: ${message}`).join('; ')}`,
    { errors },
  )
}

/** The same for a target, whose configuration also carries the settings every target has. */
export function parseTargetConfig<Config>(
  definition: { type: string; configSchema: z.ZodType<Config> },
  raw: Readonly<Record<string, unknown>>,
): { settings: TargetSettings; config: Config } {
  const { settings, own } = splitTargetConfig(raw)
  return {
    settings: parseConfig(targetSettingsSchema, settings, definition.type),
    config: parseConfig(definition.configSchema, own, definition.type),
  }
}

/** Every fault of a zod error as field and sentence, unknown fields by their names. */
export function faultsOf(error: z.ZodError): FieldFault[] {
  return error.issues.flatMap((issue) => faultsOfIssue(issue, []))
}

function faultsOfIssue(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): FieldFault[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: [...path, key].map(String).join('.'), message: 'is not a known field' }))
  if (isMissing(issue)) return [{ field: path.map(String).join('.') || '(whole)', message: 'must be given' }]
  if (issue.code === 'invalid_union') {
    const deepest = issue.errors.filter((branch) =>
      branch.every((inner) => inner.code !== 'invalid_type' || inner.path.length > 0),
    )
    const branch = deepest.at(-1) ?? []
    if (branch.length > 0) return branch.flatMap((inner) => faultsOfIssue(inner, path))
  }
  return [{ field: path.map(String).join('.') || '(whole)', message: issue.message.replace(/^Invalid input: /, '') }]
}

/** Nothing is there. A field of several forms says so in one of them. */
function isMissing(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_union')
    return issue.errors.some((branch) => branch.some((inner) => inner.path.length === 0 && isMissing(inner)))
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
}
