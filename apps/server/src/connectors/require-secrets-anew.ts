import { CertctlError } from '@certctl/core'
import { type Config, type ConfigSchema, mapMarked, markedTexts, mask } from './marked-schema.js'

/**
 * A secret was given for the addresses that stood beside it. Where one leads to another host now, it must be given again: else whoever may
 * change addresses would have it sent to himself. Throws `config_invalid`, naming each.
 */
export function requireSecretsAnew(
  schema: ConfigSchema,
  { previous, changes, merged }: { previous: Config; changes: Config; merged: Config },
): void {
  const known = new Set(originsIn(schema, previous))
  const strange = originsIn(schema, merged).find((origin) => !known.has(origin))
  if (strange === undefined) return
  const given = secretPlaces(schema, changes).filter(({ value }) => value !== mask)
  const kept = secretPlaces(schema, merged).filter(({ field }) => !given.some((one) => one.field === field))
  if (kept.length === 0) return
  const message = `must be given again, since this leads to ${strange} now, for which it was not given`
  throw new CertctlError('config_invalid', `${kept.map(({ field }) => field).join(', ')}: ${message}`, {
    errors: kept.map(({ field }) => ({ field, message })),
  })
}

function originsIn(schema: ConfigSchema, config: Config): string[] {
  return markedTexts({ schema, mark: 'address' }, config).map((text) =>
    URL.canParse(text) ? new URL(text).origin : text,
  )
}

function secretPlaces(schema: ConfigSchema, config: Config): { field: string; value: unknown }[] {
  const places: { field: string; value: unknown }[] = []
  mapMarked({ schema, mark: 'secret' }, config, (value, path) => {
    places.push({ field: ['config', ...path].join('.'), value })
    return value
  })
  return places
}
