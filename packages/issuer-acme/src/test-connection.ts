import { CertctlError } from '@certctl/core'
import { decodeMacKey, isZeroSsl } from './account/binding.js'
import { openAccount } from './account/open-account.js'
import { findAccount } from './account/record.js'
import type { Acme } from './acme.js'
import { openDns } from './challenge/publish.js'
import { writesDns } from './config.js'
import { requireValid } from './maintain.js'
import { requireProfile } from './order/profile.js'
import type { Directory } from './transport/directory.js'

/** Directory, account, binding, profile, terms and DNS, as far as they can be asked without changing anything. Rejects with what is wrong. */
export async function testConnection(
  acme: Acme,
  signal: AbortSignal,
): Promise<{ detail: string; account?: string | undefined }> {
  const { config, transport } = acme
  const directory = await transport.directory(signal)
  if (config.profile !== undefined) requireProfile(directory, config.profile)
  const account = await testAccount(acme, directory, signal)
  // A nonce shows that signed requests would get through as well.
  await transport.nonce(signal)
  const dns = await testDns(acme, signal)
  const { host } = new URL(config.directory_url)
  const offers = [
    ...(directory.renewalInfo === undefined ? [] : ['renewal information']),
    ...(directory.meta?.profiles === undefined ? [] : [`profiles ${Object.keys(directory.meta.profiles).join(', ')}`]),
  ]
  const offered = offers.length === 0 ? '' : `; it offers ${offers.join(' and ')}`
  return { detail: `${host} answers with an ACME directory${offered}; ${account.detail}${dns}`, account: account.url }
}

async function testAccount(acme: Acme, { meta, newAccount: _ }: Directory, signal: AbortSignal) {
  const { config } = acme
  const found = await findAccount(acme)
  if (found?.record.url !== undefined) {
    const account = await openAccount(acme, signal)
    await requireValid(acme, account)
    return { detail: `the account ${account.url} is valid`, url: account.url }
  }
  if (config.eab_hmac !== undefined) decodeMacKey(config.eab_hmac.reveal())
  else if (meta?.externalAccountRequired === true && !isZeroSsl(config.directory_url))
    throw new CertctlError(
      'config_invalid',
      'The CA takes accounts with external account binding only; set eab_kid and eab_hmac',
    )
  else if (isZeroSsl(config.directory_url) && config.email === undefined)
    throw new CertctlError(
      'config_invalid',
      'ZeroSSL gives credentials for an e-mail address: set email, or eab_kid and eab_hmac',
    )
  if (meta?.termsOfService !== undefined && !config.terms_agreed)
    throw new CertctlError(
      'config_invalid',
      `Read the terms of the CA at ${meta.termsOfService} and set terms_agreed to true`,
    )
  return { detail: 'the account is made with the first order', url: undefined }
}

async function testDns(acme: Acme, signal: AbortSignal): Promise<string> {
  if (!writesDns(acme.config)) return ''
  const dns = await openDns(acme)
  try {
    const told = await dns.test?.(signal)
    return told === undefined ? '' : `; DNS: ${told.detail}`
  } finally {
    if (acme.config.dns_provider === undefined) await dns.close?.()
  }
}
