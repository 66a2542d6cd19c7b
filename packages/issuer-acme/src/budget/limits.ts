/** How much of something a CA allows in a sliding window. */
export interface Limit {
  most: number
  windowMs: number
}

/** Limits of one CA; its own documentation has them. */
export interface Limits {
  ordersPerAccount: Limit
  perRegisteredDomain: Limit
  perNameSet: Limit
  failuresPerName: Limit
}

const hour = 3_600_000
const day = 24 * hour

const letsEncrypt: Limits = {
  ordersPerAccount: { most: 300, windowMs: 3 * hour },
  perRegisteredDomain: { most: 50, windowMs: 7 * day },
  perNameSet: { most: 5, windowMs: 7 * day },
  failuresPerName: { most: 5, windowMs: hour },
}

const staging: Limits = {
  ordersPerAccount: { most: 1500, windowMs: 3 * hour },
  perRegisteredDomain: { most: 30_000, windowMs: 7 * day },
  perNameSet: { most: 30_000, windowMs: 7 * day },
  failuresPerName: { most: 200, windowMs: hour },
}

const byHost: Readonly<Record<string, Limits>> = {
  'acme-v02.api.letsencrypt.org': letsEncrypt,
  'acme-staging-v02.api.letsencrypt.org': staging,
}

/** `undefined`: nothing is published about this CA's limits; it has the word itself. */
export function limitsOf(directoryUrl: string): Limits | undefined {
  return byHost[new URL(directoryUrl).hostname]
}
