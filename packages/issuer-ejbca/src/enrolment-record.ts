import { type Host, type IssuanceRequest, isCertctlError, type Stored, z } from '@certctl/core'
import type { EndEntity } from './client.js'
import type { Config } from './config.js'

const recordSchema = z.object({ username: z.string(), password: z.string() })
const week = 7 * 86_400_000

/** Under which name and code an order is enrolled: made once and kept sealed before EJBCA is asked, so that whoever asks again can be given what was made. */
export async function recordEnrolment(
  config: Config,
  host: Host,
  request: Omit<IssuanceRequest, 'signal'>,
): Promise<EndEntity> {
  const key = `enrolment/${request.id}`
  const password = Buffer.from(host.random(24)).toString('base64url')
  const value = { username: usernameOf(config, request), password }
  const expiresAt = new Date(host.now().getTime() + week)
  return recordSchema.parse((await putOnce(host, { key, value, expiresAt })).value)
}

async function putOnce({ state }: Host, entry: { key: string; value: EndEntity; expiresAt: Date }): Promise<Stored> {
  const { key, value, expiresAt } = entry
  try {
    return await state.put(key, { ...value }, { expect: 'absent', expiresAt })
  } catch (error) {
    const theirs = isCertctlError(error) && error.code === 'conflict' ? await state.get(key) : undefined
    if (theirs === undefined) throw error
    return theirs
  }
}

/** EJBCA replaces these characters in names, after which nothing is found under the name we know. */
const forbidden = /[^A-Za-z0-9._@*+=, -]/g
const longest = 250

function usernameOf({ username_template }: Config, request: Omit<IssuanceRequest, 'signal'>): string {
  const { id, commonName, context } = request
  const values: Readonly<Record<string, string>> = {
    certificate_id: context.certificateId,
    order_id: id,
    common_name: commonName ?? request.names[0]?.value ?? context.certificateId,
  }
  const filled = username_template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
  return filled.replace(forbidden, '_').slice(0, longest)
}
