import { CertctlError, type GeneralName } from '@certctl/core'
import { formatGeneralName } from '@certctl/pki'
import { isNamed } from '../asking/is-named.js'
import type { KeyCustody, Profile } from './default-profile.js'
import { denial } from './denial.js'
import { isKeyAllowed } from './is-key-allowed.js'
import { type NamePattern, namePattern } from './name-pattern.js'
import { ttlSeconds } from './ttl-seconds.js'

/** What a certificate wants, from wherever it was asked for. */
export interface WantedCertificate {
  commonName: string | undefined
  names: readonly GeneralName[]
  subject: readonly { type: string; value: string }[]
  extendedKeyUsages: readonly string[]
  mustStaple: boolean
  validitySeconds: number | undefined
  issuerId: string
  /** As in `EC-P256`. */
  keyAlgorithm: string
  /** Who is to hold the key, as far as that is known. */
  custody: KeyCustody | undefined
}

const shortSeconds = 3600

/** Everything a profile says of a certificate without having seen a CSR. Throws `policy_denied`, naming the field, the fault and the remedy. */
export function requireAllowed(wanted: WantedCertificate, profile: Profile): void {
  if (!profile.isEnabled)
    throw new CertctlError(
      'policy_denied',
      `Profile ${profile.id} is disabled and gives no new certificates; enable it, or give the certificate another profile`,
    )
  requireIssuer(wanted, profile)
  requireKey(wanted, profile)
  requireUsages(wanted.extendedKeyUsages, profile)
  requireValidity(wanted, profile)
  requireKinds(wanted.names, profile)
  requireCommonName(wanted, profile)
  requirePatterns(wanted.names, profile)
}

function requireIssuer({ issuerId }: WantedCertificate, profile: Profile): void {
  const { allowedIssuerIds } = profile
  if (allowedIssuerIds.length === 0 || allowedIssuerIds.includes(issuerId)) return
  throw denial(profile, {
    field: 'issuer_id',
    fault: `${issuerId} is not allowed`,
    remedy: `it allows ${allowedIssuerIds.join(', ')}`,
  })
}

function requireKey({ keyAlgorithm, custody }: WantedCertificate, profile: Profile): void {
  const { allowedKeyAlgorithms: keys, allowedKeyCustody: custodies } = profile
  if (!isKeyAllowed(keyAlgorithm, profile))
    throw denial(profile, {
      field: 'key_algorithm',
      fault: `${keyAlgorithm} is not allowed`,
      remedy: `it allows ${keys.map(({ algorithm, min_size }) => `${algorithm} of ${min_size} bits or more`).join(', ')}`,
    })
  if (custody === undefined || custodies.includes(custody)) return
  const field = custody === 'agent' ? 'target_ids' : 'csr_pem'
  const holders = { agent: 'made by an agent', outside: 'held outside', server: 'held by the server' }
  throw denial(profile, {
    field,
    fault: `a key ${holders[custody]} is not allowed`,
    remedy: `it allows keys ${custodies.map((each) => holders[each]).join(' or ') || 'nowhere'}`,
  })
}

function requireUsages(usages: readonly string[], profile: Profile): void {
  const stranger = usages.find((usage) => !profile.allowedExtendedKeyUsages.includes(usage))
  if (stranger === undefined) return
  throw denial(profile, {
    field: 'extended_key_usages',
    fault: `the extended key usage ${stranger} is not allowed`,
    remedy: `it allows ${profile.allowedExtendedKeyUsages.join(', ') || 'none'}`,
  })
}

function requireValidity({ validitySeconds }: WantedCertificate, profile: Profile): void {
  const seconds = ttlSeconds(validitySeconds, profile)
  if (seconds === undefined) return
  const { minTtlSeconds = 0, allowsShortLived } = profile
  if (seconds < minTtlSeconds)
    throw denial(profile, {
      field: 'validity_seconds',
      fault: `a validity of ${seconds} s is not allowed`,
      remedy: `ask for at least ${minTtlSeconds} s`,
    })
  if (seconds >= shortSeconds || allowsShortLived) return
  throw denial(profile, {
    field: 'validity_seconds',
    fault: `a validity of ${seconds} s, which is less than an hour, is not allowed`,
    remedy: 'ask for an hour or more, or set allow_short_lived',
  })
}

function requireKinds(names: readonly GeneralName[], profile: Profile): void {
  const kinds = [
    { isAllowed: profile.allowsWildcards, what: 'a wildcard', has: ({ value }: GeneralName) => value.startsWith('*.') },
    { isAllowed: profile.allowsIpAddresses, what: 'an IP address', has: ({ type }: GeneralName) => type === 'ip' },
    {
      isAllowed: profile.allowsEmailAddresses,
      what: 'an e-mail address',
      has: ({ type }: GeneralName) => type === 'email',
    },
  ]
  for (const { isAllowed, what, has } of kinds) {
    const stranger = isAllowed ? undefined : names.find(has)
    if (stranger === undefined) continue
    throw denial(profile, {
      field: 'sans',
      fault: `${formatGeneralName(stranger)} is ${what}, which is not allowed`,
      remedy: 'leave it out, or ask under another profile',
    })
  }
}

/** Free text goes through no rule for names, and relying parties may still read it as one. */
function requireCommonName({ commonName, names }: WantedCertificate, profile: Profile): void {
  const { requiredSanPatterns, spiffeUriPattern, allowsWildcards, allowsIpAddresses, allowsEmailAddresses } = profile
  const allowsAll = allowsWildcards && allowsIpAddresses && allowsEmailAddresses
  if (requiredSanPatterns.length === 0 && spiffeUriPattern === undefined && allowsAll) return
  if (commonName === undefined || isNamed(commonName, names)) return
  throw denial(profile, {
    field: 'common_name',
    fault: `"${commonName.slice(0, 80)}", which is none of the names, is not allowed`,
    remedy: 'make it one of the names, or leave it out of the CSR',
  })
}

function requirePatterns(names: readonly GeneralName[], profile: Profile): void {
  requireKnownUris(names, profile)
  const budget = { steps: mostSteps }
  for (const { types, texts, isBound, field, ignoreCase } of rulesOf(profile)) {
    if (!isBound) continue
    const patterns = texts.map((text) => readPattern(text, { profile, field, ignoreCase }))
    const stranger = names.find(
      (name) => types.includes(name.type) && !isMatched(name, { patterns, profile, field, budget }),
    )
    if (stranger === undefined) continue
    throw denial(profile, {
      field: 'sans',
      fault: `${formatGeneralName(stranger)} is not allowed`,
      remedy:
        texts.length === 0
          ? `it has to match a pattern with @ in ${field}, and there is none`
          : `it has to match ${texts.length === 1 ? '' : 'one of '}${texts.join(' , ')} as a whole`,
    })
  }
}

/** A pattern for hosts is none for mailboxes, though `.*` and the like match them: those are matched by patterns with an `@`. */
function rulesOf({ requiredSanPatterns, spiffeUriPattern }: Profile) {
  const names = { field: 'required_san_patterns', ignoreCase: true, isBound: requiredSanPatterns.length > 0 }
  const mailboxes = requiredSanPatterns.filter((text) => text.includes('@'))
  const uris = spiffeUriPattern === undefined ? [] : [spiffeUriPattern]
  return [
    { ...names, types: ['dns', 'ip'], texts: requiredSanPatterns },
    { ...names, types: ['email'], texts: mailboxes },
    { types: ['uri'], texts: uris, field: 'spiffe_uri_pattern', ignoreCase: false, isBound: uris.length > 0 },
  ]
}

/** Patterns of host names say nothing of URIs, and whoever wrote them did not mean to let every URI in. */
function requireKnownUris(names: readonly GeneralName[], profile: Profile): void {
  const { requiredSanPatterns, spiffeUriPattern } = profile
  if (requiredSanPatterns.length === 0 || spiffeUriPattern !== undefined) return
  const uri = names.find(({ type }) => type === 'uri')
  if (uri === undefined) return
  throw denial(profile, {
    field: 'sans',
    fault: `${formatGeneralName(uri)} is a URI, of which its required_san_patterns say nothing, and is not allowed`,
    remedy: 'set spiffe_uri_pattern, or leave it out',
  })
}

// Judged between two requests of others: so many are some tenths of a second.
const mostSteps = 2_000_000

interface Matching {
  patterns: readonly NamePattern[]
  profile: Profile
  field: string
  /** For all names and patterns together. */
  budget: { steps: number }
}

function isMatched({ value }: GeneralName, { patterns, profile, field, budget }: Matching): boolean {
  return patterns.some((pattern) => {
    const { matches, steps } = pattern.run(value, budget.steps)
    budget.steps -= steps
    if (budget.steps >= 0) return matches
    throw denial(profile, {
      field: 'sans',
      fault: `more names than can be judged are not allowed: the patterns in ${field} are too large for so many names`,
      remedy: 'ask for fewer names, or make the patterns simpler',
    })
  })
}

/** A pattern that cannot be read allows nothing. */
function readPattern(
  text: string,
  { profile, field, ignoreCase }: { profile: Profile; field: string; ignoreCase: boolean },
): NamePattern {
  try {
    return namePattern(text, { ignoreCase })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CertctlError(
      'policy_denied',
      `Profile ${profile.id} allows no name: its ${field} cannot be read: ${reason}`,
      {
        cause,
      },
    )
  }
}
