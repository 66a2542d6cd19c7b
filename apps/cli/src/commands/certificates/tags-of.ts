import { CertctlError } from '@certctl/core'

/** `key=value` pairs as tags. */
export function tagsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map(tagOf))
}

function tagOf(pair: string): [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw new CertctlError('request_malformed', `--tag takes key=value, not ${JSON.stringify(pair)}`)
  return [pair.slice(0, at), pair.slice(at + 1)]
}
