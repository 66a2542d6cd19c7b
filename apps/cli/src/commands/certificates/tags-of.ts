import { CertctlError } from '@certctl/core'

/** `key=value` pairs as tags. Throws `request_malformed` for one that is none, and for a tag with two values. */
export function tagsOf(pairs: readonly string[]): Record<string, string> {
  const tags = new Map<string, string>()
  for (const [key, value] of pairs.map(tagOf)) {
    const known = tags.get(key) ?? value
    if (known !== value)
      throw new CertctlError(
        'request_malformed',
        `--tag ${key} is given with two values, ${JSON.stringify(known)} and ${JSON.stringify(value)}; a certificate has one`,
      )
    tags.set(key, value)
  }
  return Object.fromEntries(tags)
}

function tagOf(pair: string): [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw new CertctlError('request_malformed', `--tag takes key=value, not ${JSON.stringify(pair)}`)
  return [pair.slice(0, at), pair.slice(at + 1)]
}
