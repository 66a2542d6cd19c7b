import { checkSealingKey, refuseOtherSealingKey } from '../../src/access/key-check.js'
import { systemActor } from '../../src/access/principal.js'
import { rotateEncryptionKey } from '../../src/access/rotate-encryption-key.js'
import { syncEnvironmentInstances } from '../../src/connectors/environment-instances.js'
import { createRowStateStore } from '../../src/connectors/row-state-store.js'
import { createTestServices, insertServer, type TestServices } from '../postgres.js'

export const older = 'the key that everything was sealed with at first'
export const newer = 'the key that is to seal everything from now on'
export const both = { CERTCTL_CONFIG_ENCRYPTION_KEY: newer, CERTCTL_CONFIG_ENCRYPTION_KEY_PREVIOUS: older }
export const never = new AbortController().signal

const open: TestServices[] = []

/** A copy as it comes up with these keys, on the database of those that are open: refused, or one that runs. */
export async function start(environment: Record<string, string>, serverId: string): Promise<TestServices> {
  const shared = open[0] === undefined ? {} : { database: open[0].database, clock: open[0].clock }
  const services = await createTestServices({ ...shared, environment, serverId })
  open.push(services)
  await refuseOtherSealingKey(services.store, services.sealing)
  await checkSealingKey(services.store, services.sealing)
  await insertServer(services)
  await syncEnvironmentInstances(services, environment)
  return services
}

export async function end(services: TestServices): Promise<void> {
  await services.store.servers.remove(services.server.id)
}

export async function endAll(): Promise<void> {
  for (const services of open.splice(0).reverse()) await services.close()
}

export const stateOf = (services: TestServices) => createRowStateStore(services, 'iss-test')

/** Two copies with both keys that seal with the newer one; nobody waited for this one, which does not live as far as anybody knows. */
export async function rotatedWithout(silent: TestServices): Promise<{ one: TestServices; two: TestServices }> {
  const [one, two] = [await start(both, 'server-one'), await start(both, 'server-two')]
  await end(silent)
  await rotateEncryptionKey(one, systemActor)
  two.sealing.use(one.sealing.keyId)
  return { one, two }
}
