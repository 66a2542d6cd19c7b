import { defineDns } from '@certctl/core'
import { createNameServer } from './client.js'
import { configSchema } from './config.js'

export { configSchema }

/** Changes TXT records on a primary name server by dynamic updates. Each update names one value; the server keeps all others. */
export default defineDns({
  type: 'RFC2136',
  aliases: ['nsupdate', 'BIND'],
  displayName: 'Dynamic updates (RFC 2136)',
  configSchema,
  environment: [
    {
      id: 'dns-rfc2136',
      name: 'Dynamic updates',
      when: 'CERTCTL_RFC2136_SERVER',
      variables: {
        server: 'CERTCTL_RFC2136_SERVER',
        port: 'CERTCTL_RFC2136_PORT',
        zone: 'CERTCTL_RFC2136_ZONE',
        tsig_key_name: 'CERTCTL_RFC2136_TSIG_KEY_NAME',
        tsig_secret: 'CERTCTL_RFC2136_TSIG_SECRET',
        tsig_algorithm: 'CERTCTL_RFC2136_TSIG_ALGORITHM',
        timeout: 'CERTCTL_RFC2136_TIMEOUT',
      },
    },
  ],
  capabilities: {},

  create(config, host) {
    const server = createNameServer(config, host)
    return {
      present: (record) => server.change(record, 'add'),
      cleanUp: (record) => server.change(record, 'remove'),
      test: async (signal) => ({ detail: await server.look(signal) }),
    }
  },
})
