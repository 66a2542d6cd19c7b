import { a, cname, webAddress } from '../world.js'
import { inZone } from './change-zone.js'
import { type Staged, site } from './staged.js'

/** Faults of names, of the CA, and of what stands between. */
export const caFaults: readonly Staged[] = [
  {
    fault: 'an alias that leads nowhere',
    name: 'shop.example.com',
    stage: (world) => inZone(world, ({ records }) => records.push(cname('shop.example.com', 'shop.moved-away.com'))),
    expected: ['addresses_missing', 'cname_dangling'],
  },
  {
    fault: 'aliases in a circle',
    name: 'shop.example.com',
    stage: (world) =>
      inZone(world, ({ records }) =>
        records.push(cname('shop.example.com', 'b.example.com'), cname('b.example.com', 'shop.example.com')),
      ),
    expected: ['addresses_missing', 'caa_lookup_failed', 'cname_loop'],
  },
  {
    fault: 'an alias of the challenge that leads nowhere',
    method: 'dns-01',
    stage: (world) =>
      inZone(world, ({ records }) => records.push(cname(`_acme-challenge.${site}`, 'x.acme-dns-gone.com'))),
    expected: ['cname_dangling'],
    says: `_acme-challenge.${site} → x.acme-dns-gone.com`,
  },
  {
    fault: 'a wildcard by http-01',
    name: '*.example.com',
    stage: (world) => inZone(world, ({ records }) => records.push(a('example.com', webAddress))),
    expected: ['wildcard_needs_dns'],
    remedy: "certctl doctor '*.example.com' --method dns-01",
  },
  {
    fault: 'a clock ten minutes ahead',
    stage: (world) => {
      world.ca.now = () => new Date(Date.now() + 600_000)
    },
    expected: ['clock_off'],
    says: '10 minutes ahead of',
  },
  {
    fault: 'a directory that redirects',
    stage: (world) => {
      world.ca.directory = (_, response) =>
        response.writeHead(301, { location: 'http://169.254.169.254/latest/' }).end()
      world.account = undefined
    },
    expected: ['directory_redirects'],
    says: '169.254.169.254',
  },
  {
    fault: 'a page where the directory should be',
    stage: (world) => {
      world.ca.directory = (_, response) =>
        response.setHeader('content-type', 'text/html').end('<html>please log in</html>')
    },
    expected: ['directory_not_acme'],
    says: 'not JSON',
  },
  {
    fault: 'JSON that is no directory',
    stage: (world) => {
      world.ca.directory = (_, response) => response.end('{"status":"ok"}')
    },
    expected: ['directory_not_acme'],
    says: 'newNonce, newAccount, newOrder',
  },
  {
    fault: 'a CA that has trouble',
    stage: (world) => {
      world.ca.directory = (_, response) => response.writeHead(503).end()
    },
    expected: ['directory_failing'],
  },
  {
    fault: 'a CA that cannot be reached, and a proxy that is set',
    stage: (world) => {
      world.ca.port = 1
      world.issuer = { proxies: ['HTTPS_PROXY'] }
    },
    expected: ['directory_unreachable', 'proxy_ignored'],
    says: '127.0.0.1:1 cannot be reached',
  },
  {
    fault: 'an account that the CA does not know',
    stage: (world) => {
      world.issuer = { testIssuer: async () => ({ works: false, reason: 'accountDoesNotExist' }) }
    },
    expected: ['issuer_failing'],
    says: 'accountDoesNotExist',
    remedy: 'certctl issuers test iss-acme',
  },
  {
    fault: 'limits that are used up',
    stage: (world) => {
      world.issuer = {
        budget: async () => ({ fits: false, nextAt: new Date('2026-02-01T00:00:00Z'), detail: '50 of 50 this week' }),
      }
    },
    expected: ['budget_spent'],
    says: '50 of 50 this week',
    remedy: '2026-02-01T00:00:00.000Z',
  },
  {
    fault: 'a DNS provider that does not work',
    method: 'dns-01',
    stage: (world) => {
      world.issuer = { testProvider: async () => ({ id: 'dns-main', works: false, reason: 'the token was refused' }) }
    },
    expected: ['provider_failing'],
    says: 'the token was refused',
  },
  {
    fault: 'a name of nobody',
    name: 'intranet.corp',
    stage: () => {},
    expected: ['addresses_missing', 'name_not_public', 'not_delegated'],
  },
  {
    fault: 'an address by DNS',
    name: '192.0.2.1',
    method: 'dns-01',
    stage: () => {},
    expected: ['address_needs_http'],
  },
  { fault: 'no name at all', name: 'https://www.example.com/', stage: () => {}, expected: ['name_malformed'] },
]
