import type { IssuerHost } from '@certctl/core'
import type { Client } from './client.js'
import type { Config } from './config.js'
import type { ProvisionerSource } from './provisioner.js'

/** What every operation of one instance works with. */
export interface Bench {
  config: Config
  host: IssuerHost
  client: Client
  provisioners: ProvisionerSource
}
