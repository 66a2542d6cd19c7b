import { Route53 } from '@aws-sdk/client-route-53'
import { parseConfig } from '@certctl/core'
import { createNodeHost } from '@certctl/kit'
import { createMemoryState, createTestRecord, type DnsWorld, testDns } from '@certctl/testing'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import route53, { configSchema } from '../src/index.js'
import { quoteText, unquoteText } from '../src/txt-value.js'
import { type AwsModel, type AwsProcess, models, startModel } from './aws-process.js'
import { accountConfig } from './fake-route53.js'

const required = process.env.CERTCTL_TEST_REAL === 'required'

for (const model of models) {
  if (model.program !== undefined) runLive(model)
  else if (!required) it.skip(`skipped: ${model.name} is not installed`, () => undefined)
  else it(`${model.name} is installed, since CERTCTL_TEST_REAL=required`, () => expect(model.program).toBeDefined())
}

function runLive(model: AwsModel): void {
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined }
  const host = createNodeHost({ instance: { id: 'live' }, state: createMemoryState(() => new Date()), log })
  const region = 'us-east-1'
  let product: AwsProcess
  let aws: Route53
  beforeAll(async () => {
    product = await startModel(model)
    const credentials = { accessKeyId: accountConfig.access_key_id, secretAccessKey: accountConfig.secret_access_key }
    aws = new Route53({ region, endpoint: product.endpoint, credentials })
  })
  afterAll(async () => {
    aws.destroy()
    await product.stop()
  })

  const createWorld = async (): Promise<DnsWorld & { ids: Record<string, string> }> => {
    await product.reset()
    const ids: Record<string, string> = {}
    for (const name of ['example.test', 'child.example.test']) {
      const { HostedZone } = await aws.createHostedZone({ Name: name, CallerReference: name })
      ids[name] = HostedZone?.Id ?? ''
    }
    const records = async (zone: string) => {
      const { ResourceRecordSets = [] } = await aws.listResourceRecordSets({
        HostedZoneId: ids[zone] ?? '',
        MaxItems: 300,
      })
      return ResourceRecordSets.filter(({ Type }) => Type === 'TXT').map(
        ({ Name = '', ResourceRecords = [], TTL = 300 }) => ({
          name: Name.replace(/\.$/, ''),
          values: ResourceRecords.map(({ Value = '' }) => Value),
          ttl: TTL,
        }),
      )
    }
    const zoneFor = (name: string) => (name.endsWith('child.example.test') ? 'child.example.test' : 'example.test')
    const found = async (name: string) => (await records(zoneFor(name))).find((record) => record.name === name)
    return {
      ids,
      host,
      config: { endpoint: product.endpoint },
      values: async (name) => ((await found(name))?.values ?? []).map(unquoteText),
      async plant(name, values) {
        const there = (await found(name))?.values ?? []
        const ResourceRecords = [...there, ...values.map(quoteText)].map((Value) => ({ Value }))
        const ResourceRecordSet = { Name: name, Type: 'TXT' as const, TTL: 300, ResourceRecords }
        const Changes = [{ Action: 'UPSERT' as const, ResourceRecordSet }]
        await aws.changeResourceRecordSets({ HostedZoneId: ids[zoneFor(name)] ?? '', ChangeBatch: { Changes } })
      },
      names: async () =>
        [...(await records('example.test')), ...(await records('child.example.test'))].map(({ name }) => name),
      sweep: false,
    }
  }

  describe(`contract, on ${model.name}`, () => {
    testDns({
      test: (name, check) => (model.except.includes(name) ? undefined : it(name, check)),
      definition: route53,
      config: accountConfig,
      createWorld,
    })
  })

  describe(model.name, () => {
    const record = createTestRecord('www.example.test', 1)

    it('is written to by a role that is assumed', async () => {
      const world = await createWorld()
      const settings = {
        ...accountConfig,
        ...world.config,
        role_arn: `arn:aws:iam::${model.account}:role/dns-writer`,
        external_id: 'external',
      }
      const connector = route53.create(parseConfig(configSchema, settings, 'Route53'), host)
      await connector.present(record)
      expect(await world.values(record.name)).toEqual([record.value])
      await connector.close?.()
    })

    it('is written to in the one zone that is configured', async () => {
      const world = await createWorld()
      const settings = { ...accountConfig, ...world.config, hosted_zone_id: world.ids['example.test'] }
      const connector = route53.create(parseConfig(configSchema, settings, 'Route53'), host)
      await connector.present(record)
      expect(await world.values(record.name)).toEqual([record.value])
      const elsewhere = connector.present({ ...record, name: '_acme-challenge.other.test' })
      await expect(elsewhere).rejects.toMatchObject({ code: 'not_found' })
    })
  })
}
