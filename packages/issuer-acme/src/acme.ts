import type { IssuerHost } from '@certctl/core'
import type { Config } from './config.js'
import type { Transport } from './transport/transport.js'

/** What every part of the connector works with. */
export interface Acme {
  readonly config: Config
  readonly host: IssuerHost
  readonly transport: Transport
}
