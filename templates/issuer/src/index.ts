import { CertctlError, defineIssuer, type IssuerHost, type OrderOutcome } from '@certctl/core'
import { createClient, type Order } from './client.js'
import { configSchema } from './config.js'

export { configSchema }

/** A CA that answers later: an order is placed, and looked at until it is issued. */
export default defineIssuer({
  type: 'Example',
  displayName: 'Example',
  configSchema,
  environment: [
    {
      id: 'iss-example',
      name: 'Example',
      when: 'CERTCTL_EXAMPLE_URL',
      variables: { url: 'CERTCTL_EXAMPLE_URL', token: 'CERTCTL_EXAMPLE_TOKEN' },
    },
  ],
  capabilities: {
    operations: ['poll', 'revoke', 'caCertificates', 'test'],
    names: ['dns', 'wildcard'],
    honours: ['notAfter'],
    revocationReasons: ['unspecified', 'keyCompromise', 'superseded'],
    metered: true,
  },

  create(config, host) {
    const ca = createClient(config, host)
    return {
      issue: async (request) => outcomeOf((await ca.findOrder(request)) ?? (await ca.placeOrder(request)), host),
      poll: async ({ orderId, signal }) => outcomeOf(await ca.readOrder(orderId, signal), host),
      async revoke({ certificate, reason, signal }) {
        await ca.revoke(certificate.serialNumber, { reason, signal })
        return { status: 'confirmed' }
      },
      caCertificates: (signal) => ca.caCertificates(signal),
      async test(signal) {
        await ca.caCertificates(signal)
        return { detail: 'The CA answers and accepts the token' }
      },
    }
  },
})

/** The CA's words in ours. A word it adds later is pending until somebody knows better. */
const meaning: Readonly<Record<string, OrderOutcome['status']>> = {
  submitted: 'pending',
  issued: 'valid',
  declined: 'invalid',
  lapsed: 'expired',
}

function outcomeOf({ id, state, certificate, chain = '' }: Order, host: IssuerHost): OrderOutcome {
  const status = meaning[state]
  if (status === 'valid') {
    if (certificate === undefined)
      throw new CertctlError('upstream_protocol', `Order ${id} is issued but carries no certificate`)
    return { status, certificatePem: certificate, chainPem: chain, vendorRef: id }
  }
  if (status === 'invalid' || status === 'expired') return { status, orderId: id, reason: state }
  if (status === undefined) host.log.warn('unknown order state, treated as pending', { state })
  return { status: 'pending', orderId: id }
}
