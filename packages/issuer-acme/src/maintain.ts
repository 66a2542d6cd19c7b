import { CertctlError, type JsonValue, z } from '@certctl/core'
import { type Account, accountOf, openAccount } from './account/open-account.js'
import { findAccount, type StoredAccount, saveAccount } from './account/record.js'
import { rollOver, settleRollover } from './account/rollover.js'
import type { Acme } from './acme.js'
import { withdrawLeftovers } from './order/withdraw-all.js'
import { bodyOf } from './transport/answer.js'
import { errorOf } from './transport/problem.js'

const dayMs = 86_400_000
const nextInSeconds = 86_400

/** Once a day: the account's contact and key, and what could not be withdrawn. An account that was never needed is not made. */
export async function maintain(acme: Acme, signal: AbortSignal): Promise<{ nextInSeconds: number }> {
  const found = await findAccount(acme)
  if (found?.record.url !== undefined) {
    await requireValid(acme, await openAccount(acme, signal))
    await keepContact(acme, await openAccount(acme, signal))
    await keepKeyFresh(acme, signal)
  }
  await withdrawLeftovers(acme, signal)
  return { nextInSeconds }
}

const accountSchema = z.looseObject({ status: z.string() })

/** Throws `upstream_rejected` for an account that the CA has deactivated or revoked. */
export async function requireValid({ config }: Acme, { signer, url }: Account): Promise<void> {
  const answer = await signer.ask(url, null)
  if (answer.problem !== undefined) throw errorOf(answer.problem, 'the account')
  const { status } = bodyOf(answer, accountSchema, 'an account')
  if (status === 'valid') return
  const remedy =
    config.account_key_path === undefined
      ? 'give the issuer another id or EAB, so that it makes a new account'
      : 'set another account_key_path'
  throw new CertctlError('upstream_rejected', `The CA calls the account ${url} ${status.slice(0, 50)}; ${remedy}`)
}

async function keepContact(acme: Acme, { signer, url, stored }: Account): Promise<void> {
  const { email } = acme.config
  if (stored.record.email === email) return
  const contact: JsonValue = email === undefined ? [] : [`mailto:${email}`]
  await signer.post(url, { contact }, 'a change of the contact')
  await saveAccount(acme.host.state, stored, { ...stored.record, email })
}

async function keepKeyFresh(acme: Acme, signal: AbortSignal): Promise<void> {
  const stored = await findAccount(acme)
  if (stored === undefined || !isDue(acme, stored)) return
  const settled = await settleRollover(acme, stored, signal)
  if (!isDue(acme, settled)) return
  const { keyChange } = await acme.transport.directory(signal)
  if (keyChange === undefined) {
    acme.host.log.warn('the ACME server offers no key change; the account key stays', { account: stored.record.url })
    return
  }
  const { url } = await accountOf(acme, await rollOver(acme, settled, signal), signal)
  acme.host.log.debug('the account key was changed', { account: url })
}

function isDue({ config, host }: Acme, { record }: StoredAccount): boolean {
  if (record.next_private_key_pem !== undefined) return true
  const days = config.account_key_rollover_days
  return days !== undefined && host.now().getTime() - Date.parse(record.key_made_at) >= days * dayMs
}
