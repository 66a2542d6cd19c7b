import { createServer as createTcpServer } from 'node:net'
import { a, aaaa, emptyAddress, webAddress } from '../world.js'
import { inZone } from './change-zone.js'
import { type Staged, site } from './staged.js'

/** Faults of addresses, ports, paths and redirects. */
export const webFaults: readonly Staged[] = [
  {
    fault: 'an address of an internal network',
    stage: (world) => {
      world.surroundings.web.reachOf = () => 'private'
    },
    expected: ['address_private'],
    says: webAddress,
  },
  {
    fault: 'an IPv6 address from before',
    stage: (world) => inZone(world, ({ records }) => records.push(aaaa(site, '::1'))),
    expected: ['ipv6_stale'],
    says: '::1 (AAAA of www.example.com) is closed',
  },
  {
    fault: 'port 80 that is closed',
    name: 'empty.example.com',
    stage: (world) => inZone(world, ({ records }) => records.push(a('empty.example.com', emptyAddress))),
    expected: ['port_closed'],
    says: `${emptyAddress} port 80 refuses connections`,
  },
  {
    fault: 'port 443 that is closed, for tls-alpn-01',
    name: 'empty.example.com',
    method: 'tls-alpn-01',
    stage: (world) => inZone(world, ({ records }) => records.push(a('empty.example.com', emptyAddress))),
    expected: ['port_closed'],
    says: `${emptyAddress} port 443 refuses connections`,
  },
  {
    fault: 'something on port 80 that is no web server',
    name: 'ssh.example.com',
    stage: async (world) => {
      inZone(world, ({ records }) => records.push(a('ssh.example.com', emptyAddress)))
      await world.listen(
        createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH_9.2\r\n')),
        emptyAddress,
      )
    },
    expected: ['port_not_http'],
  },
  {
    fault: 'redirects in a circle',
    stage: (world) => {
      world.web.http = (request, response) =>
        response.writeHead(301, { location: `https://${site}${request.url}` }).end()
      world.web.https = (request, response) =>
        response.writeHead(302, { location: `http://${site}${request.url}` }).end()
    },
    expected: ['redirect_loop'],
    says: `https://${site}`,
  },
  {
    fault: 'redirects without end',
    stage: (world) => {
      world.web.http = (request, response) => response.writeHead(302, { location: `${request.url}x` }).end()
    },
    expected: ['redirect_endless'],
  },
  {
    fault: 'a redirect to a foreign port',
    stage: (world) => {
      world.web.http = (request, response) =>
        response.writeHead(302, { location: `https://${site}:8443${request.url}` }).end()
    },
    expected: ['redirect_port'],
    says: `https://${site}:8443/`,
  },
  {
    fault: 'a redirect to something that is not HTTP',
    stage: (world) => {
      world.web.http = (_, response) => response.writeHead(302, { location: 'ftp://www.example.com/' }).end()
    },
    expected: ['redirect_scheme'],
  },
  {
    fault: 'a redirect to another host',
    stage: (world) => {
      world.web.http = (request, response) =>
        response.writeHead(302, { location: `http://169.254.169.254${request.url}` }).end()
    },
    expected: ['redirect_elsewhere'],
    says: 'was not looked at',
  },
  {
    fault: 'something else that answers for every path',
    stage: (world) => {
      world.web.http = (_, response) => response.end('<html>the application</html>')
    },
    expected: ['path_taken'],
    says: 'status 200',
  },
  {
    fault: 'another ACME client that answers',
    stage: (world) => {
      world.web.http = (request, response) => response.end(`${request.url?.split('/').at(-1)}.thumbprint`)
    },
    expected: ['path_taken'],
    says: 'repeats it',
  },
  {
    fault: 'a password before the challenge',
    stage: (world) => {
      world.web.http = (_, response) => response.writeHead(401).end()
    },
    expected: ['path_forbidden'],
  },
  {
    fault: 'a proxy without a server behind it',
    stage: (world) => {
      world.web.http = (_, response) => response.writeHead(502).end()
    },
    expected: ['path_failing'],
  },
]
