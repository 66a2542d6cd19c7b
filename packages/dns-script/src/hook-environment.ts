import { CertctlError, type TxtRecord } from '@certctl/core'

const fullName = /^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/
const printable = /^[\x20-\x7e]*$/

/**
 * What a hook finds in its environment. Names come from certificate requests and CNAME records, values and tokens from a CA: whatever a
 * script might take for more than text (line ends, quotes in names, control characters) is refused here, since not every script is careful.
 */
export function hookEnvironment({ name, value, context }: TxtRecord): Readonly<Record<string, string>> {
  const fqdn = plainName(name)
  const token = context.token ?? ''
  if (!fullName.test(fqdn) || fqdn.length > 253)
    throw new CertctlError('identifier_rejected', `${JSON.stringify(name)} is not a name that DNS scripts are given`)
  if (!printable.test(value) || !printable.test(token))
    throw new CertctlError('request_malformed', `The value for ${fqdn} has characters that DNS scripts are not given`)
  return {
    CERTCTL_DNS_DOMAIN: domainOf(context.domain),
    CERTCTL_DNS_FQDN: fqdn,
    CERTCTL_DNS_VALUE: value,
    CERTCTL_DNS_TOKEN: token,
  }
}

/** In lower case and without the final dot, which is how scripts have always been given names. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

function domainOf(domain: string): string {
  const plain = plainName(domain)
  if (fullName.test(plain)) return plain
  throw new CertctlError('identifier_rejected', `${JSON.stringify(domain)} is not a domain that DNS scripts are given`)
}
