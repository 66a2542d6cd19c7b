import { getServers } from 'node:dns'
import type { Services } from '../services.js'
import type { DnsSurroundings } from './dns/create-dns-looks.js'
import { rootServers } from './dns/root-servers.js'
import type { WebSurroundings } from './http/create-web-looks.js'
import { reachOf } from './http/reach-of.js'

/** Where DNS begins, and on which ports the world listens. Tests have a small world of their own. */
export interface Surroundings {
  dns: DnsSurroundings
  web: WebSurroundings
}

/** As for health checks: internal networks are their purpose, this machine and its links are not. */
const policies = { public: 'public-only', private: 'scan', any: 'any' } as const

/** The world outside. */
export function usualSurroundings({ config }: Pick<Services, 'config'>): Surroundings {
  const addresses = policies[config.health_check_addresses]
  return {
    dns: { roots: rootServers, resolvers: getServers(), port: 53, addresses },
    web: { ports: { http: 80, https: 443 }, addresses, reachOf },
  }
}
