/** What this version of the server runs itself, as configured. */
export const serverKinds = ['issuer', 'notifier', 'dns'] as const
export type ServerKind = (typeof serverKinds)[number]

export interface KindWords {
  /** For people. */
  name: string
  aName: string
  /** In the record, and in front of what was done. */
  resource: string
  /** In front of ids. */
  prefix: string
  /** Of its list. */
  path: string
}

/** The words for each kind of connection, in one table. */
export const kindWords: Readonly<Record<ServerKind, KindWords>> = {
  issuer: { name: 'issuer', aName: 'an issuer', resource: 'issuer', prefix: 'iss', path: '/api/v1/issuers' },
  notifier: { name: 'notifier', aName: 'a notifier', resource: 'notifier', prefix: 'ntf', path: '/api/v1/notifiers' },
  dns: {
    name: 'DNS provider',
    aName: 'a DNS provider',
    resource: 'dns_provider',
    prefix: 'dns',
    path: '/api/v1/dns-providers',
  },
}
