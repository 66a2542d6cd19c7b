import { type HttpResponse, type JsonValue, type RevocationOutcome, type RevocationRequest, z } from '@certctl/core'
import type { Bench } from './bench.js'
import { readAnswer, wordsOf } from './failure.js'

const what = 'Vault, revoking'
const revokedSchema = z.object({
  data: z.object({ state: z.string().optional() }).nullish(),
  warnings: z.array(z.string()).nullish(),
})

/** By serial number, and by the certificate itself where the role keeps none (`no_store`). Asking again changes nothing. */
export async function revoke(
  { config, host, client }: Bench,
  { certificate, reason, signal }: RevocationRequest,
): Promise<RevocationOutcome> {
  const ask = (json: JsonValue): Promise<HttpResponse> =>
    client.call({ method: 'POST', path: `${config.mount}/revoke`, json, signal }, what)
  const bySerial = await ask({ serial_number: colonsIn(certificate.serialNumber) })
  const isUnknown = [400, 404].includes(bySerial.status) && /not found/i.test(wordsOf(bySerial))
  const response = isUnknown ? await ask({ certificate: certificate.certificatePem }) : bySerial
  const { data, warnings } = readAnswer(response, revokedSchema, what)
  for (const said of warnings ?? []) host.log.warn('Vault, revoking', { serialNumber: certificate.serialNumber, said })
  if (reason !== 'unspecified')
    host.log.info('Vault knows no reasons of revocation; this one is recorded here only', { reason })
  // A cluster with a unified CRL says pending until the active node has written it.
  return data?.state === 'pending' ? { status: 'requested', retryAfterSeconds: 60 } : { status: 'confirmed' }
}

function colonsIn(serialNumber: string): string {
  return serialNumber.match(/../g)?.join(':') ?? serialNumber
}
