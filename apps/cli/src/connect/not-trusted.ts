import { CertctlError, isCertctlError, messageOf } from '@certctl/core'
import type { Settings } from '../config.js'
import { fileFault } from '../file-fault.js'

/** How the platform and `openConnection` say that who answered is not trusted. */
const refusals =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|ERR_TLS_CERT_ALTNAME_INVALID)/
const pinFaults = /^(?:the server does not prove to hold the pinned key|the certificate of the server is not for )/

/** A server that was reached and is not trusted stays so until somebody changes something: `config_invalid`, with what. Any other error stays as it is. */
export function toldAsUntrusted(error: unknown, { server, caPem, pin }: Settings): unknown {
  if (!isCertctlError(error) || error.code !== 'upstream_unavailable') return error
  const { cause } = error
  if (!refusals.test(fileFault(cause)) && !pinFaults.test(textOf(cause))) return error
  const known = pin ?? caPem
  const by = known === undefined ? '' : `; what is trusted comes from ${known.from}`
  return new CertctlError(
    'config_invalid',
    `${new URL(server.value).host} was reached, and is not trusted (${textOf(cause)}); nothing was sent${by}. Give its CA with --ca-bundle FILE, or the SHA-256 of its CA's key with --pin; certctl login --server ${server.value} shows that key, once certctl logout has put aside what was kept`,
    { cause },
  )
}

const textOf = (cause: unknown) => messageOf(cause).replace(/^Error: /, '')
