import { CertctlError, type GeneralName, type IssuanceRequest, z } from '@certctl/core'
import { problemSchema, shown } from '../transport/problem.js'

export const identifierSchema = z.object({ type: z.string(), value: z.string() })
export type Identifier = z.output<typeof identifierSchema>

/** RFC 8555 §7.1.3. The state is a word of theirs: it may be one that nobody here knows. */
export const orderSchema = z.looseObject({
  status: z.string(),
  expires: z.string().optional(),
  identifiers: z.array(identifierSchema),
  authorizations: z.array(z.url()),
  finalize: z.url(),
  certificate: z.url().optional(),
  error: problemSchema.optional(),
})
export type Order = z.output<typeof orderSchema>

/** RFC 8555 §7.1.5, §8. Not every challenge has a token: dns-persist-01 has none, and unknown ones may have anything. */
export const challengeSchema = z.looseObject({
  type: z.string(),
  url: z.url().optional(),
  status: z.string().catch('pending'),
  token: z.string().optional(),
  error: problemSchema.optional(),
  'issuer-domain-names': z.array(z.string()).max(10).optional(),
  accounturi: z.string().optional(),
})
export type Challenge = z.output<typeof challengeSchema>

/** RFC 8555 §7.1.4. */
export const authorizationSchema = z.looseObject({
  status: z.string(),
  identifier: identifierSchema,
  wildcard: z.boolean().optional(),
  challenges: z.array(challengeSchema).catch([]),
})
export type Authorization = z.output<typeof authorizationSchema> & { url: string }

/** How a name is called in an order. Throws `identifier_rejected` for kinds that ACME does not know. */
export function identifierOf({ type, value }: GeneralName): Identifier {
  if (type === 'dns' || type === 'ip') return { type, value }
  throw new CertctlError(
    'identifier_rejected',
    `ACME certificates have DNS names and IP addresses, not ${type} names (${value})`,
  )
}

/** One text for one set of names, whatever their order: servers sort and lower-case. */
export function identifierSet(identifiers: readonly Identifier[]): string {
  const texts = identifiers.map(({ type, value }) => `${type}:${value.toLowerCase()}`)
  return [...new Set(texts)].sort().join(',')
}

export function identifiersOf({ names }: Pick<IssuanceRequest, 'names'>): Identifier[] {
  return names.map(identifierOf)
}

/** Why validation failed, for people, with what usually helps. */
export function failureOf({ identifier, wildcard, challenges }: Authorization): string {
  const name = `${wildcard === true ? '*.' : ''}${identifier.value}`
  const errors = challenges.flatMap(({ type, error }) => (error === undefined ? [] : [{ challenge: type, ...error }]))
  if (errors.length === 0) return `${name}: not proven`
  const texts = errors.map(({ challenge, type, detail }) => {
    const word = type.split(':').at(-1) ?? ''
    const hint = hints[word]
    return `${challenge} ${word}: ${shown(detail)}${hint === undefined ? '' : ` (${hint})`}`
  })
  return `${name}: ${texts.join('; ')}`
}

const hints: Readonly<Record<string, string>> = {
  caa: 'a CAA record forbids this CA, account or method',
  connection: 'the CA begins at port 80 for http-01 and 443 for tls-alpn-01, by IPv6 where there is an AAAA record',
  dns: 'the name or its record does not resolve for the CA',
  incorrectResponse: 'something else answers there',
  tls: 'the server on port 443 does not speak acme-tls/1 for this name',
  unauthorized: 'the answer found is not the expected one; an old record, a cache or another server may give it',
}
