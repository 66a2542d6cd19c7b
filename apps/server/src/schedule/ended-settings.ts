import { endUnnamed } from '../connectors/environment-instances.js'
import type { Loop } from './loop.js'

/** What a copy's environment had stays for as long as that copy lives; one that was killed says no farewell. */
export const endedSettings: Loop = {
  name: 'ended-settings',
  everySeconds: () => 60,
  run: async (services) => await endUnnamed(services),
}
