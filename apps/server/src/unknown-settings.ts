import { type Config, prefix, variableOf } from './config.js'
import { settingsSchema } from './config-schema.js'

/** Settings of the programs that often share an environment with the server. */
const ofOthers = /^CERTCTL_(AGENT_|CLI_|TEST_|MCP_|SERVER_URL$|SERVER_CA_|API_KEY$|KEY_DIR$|DISCOVERY_DIRS$)/

/** A warning for every `CERTCTL_` variable that nothing here reads: usually a typing error. `more`: what the installed connectors read. */
export function unknownSettings(config: Pick<Config, 'environmentNames'>, more: Iterable<string> = []): string[] {
  const known = [...Object.keys(settingsSchema.shape).map(variableOf), ...more]
  const accepted = new Set(known.flatMap((name) => [name, `${name}_FILE`]))
  return config.environmentNames
    .filter((name) => !accepted.has(name) && !ofOthers.test(name))
    .map((name) => `${name} is not a setting of certctl-server${suggestion(name, known)}`)
}

/** The nearest name, unless it is so far that it would only mislead. */
function suggestion(name: string, known: readonly string[]): string {
  const [nearest] = known
    .map((candidate) => ({ candidate, far: distance(name, candidate) }))
    .sort((one, other) => one.far - other.far)
  const isNear = nearest !== undefined && nearest.far <= (name.length - prefix.length) / 2
  return isNear ? `; did you mean ${nearest.candidate}?` : ''
}

/** Levenshtein: how many letters must change. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [i, letter] of [...one].entries()) {
    const next = [i + 1]
    for (const [j, against] of [...other].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (letter === against ? 0 : 1)))
    row = next
  }
  return row[other.length] ?? 0
}
