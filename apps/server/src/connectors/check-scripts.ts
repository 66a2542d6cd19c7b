import { realpathSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { CertctlError, type FieldFault } from '@certctl/core'
import { type Config, type ConfigSchema, mapMarked } from './marked-schema.js'

/**
 * Whoever may use the API must not make the server run any program there is: scripts given that way lie, by their real paths, inside the
 * directory the operator set. Throws `config_invalid` that names each field and what to do.
 */
export function checkScripts(
  directory: string | undefined,
  { schema, config }: { schema: ConfigSchema; config: Config },
  what: string,
): void {
  const errors: FieldFault[] = []
  mapMarked({ schema, mark: 'script' }, config, (value, path) => {
    const message = typeof value === 'string' ? faultOf(directory, value) : undefined
    if (message !== undefined) errors.push({ field: ['config', ...path].join('.'), message })
    return value
  })
  if (errors.length === 0) return
  const sentence = errors.map(({ field, message }) => `${field} ${message}`).join('; ')
  throw new CertctlError('config_invalid', `${what}: ${sentence}`, { errors })
}

function faultOf(directory: string | undefined, path: string): string | undefined {
  if (directory === undefined)
    return `names a program (${path}), and none may be given over the API until CERTCTL_SCRIPTS_DIR is set on the server; set it to the directory of your scripts, or configure this by environment variables`
  const real = realPathOf(path)
  if (real === undefined) return `names ${path}, which does not exist on the server`
  const root = realPathOf(directory)
  if (root === undefined) return `cannot be judged: CERTCTL_SCRIPTS_DIR (${directory}) does not exist on the server`
  // A link from elsewhere may lead here now and anywhere a moment later, by the hand of whoever has that place.
  if (isBelow(real, root) && (isBelow(path, root) || isBelow(path, directory))) return undefined
  return `names ${path}${real === path ? '' : `, which is ${real}`}; over the API only scripts inside ${directory} (CERTCTL_SCRIPTS_DIR) may be given`
}

function isBelow(path: string, directory: string): boolean {
  return resolve(path).startsWith(join(resolve(directory), sep))
}

/** Links are followed: what counts is which file would run. */
function realPathOf(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined // Not there, or nobody may look: it could not be run either.
  }
}
