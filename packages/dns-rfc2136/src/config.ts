import { duration, hostname, port, secret, z } from '@certctl/core'
import { tsigAlgorithms } from './tsig.js'

const isBase64 = (text: string): boolean =>
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)

export const configSchema = z
  .strictObject({
    server: hostname().describe('The primary name server of the zones, which takes dynamic updates; name or address.'),
    port: port().prefault(53).describe('TCP port of the server.'),
    zone: hostname()
      .optional()
      .describe('The only zone to change. Default: the zone that the server names for each record.'),
    tsig_key_name: hostname()
      .optional()
      .describe('Name of the TSIG key, as the server knows it. Without a key, the server must trust our address.'),
    tsig_secret: secret()
      .refine((value) => isBase64(value.reveal().trim()), 'must be base64, as in the secret of a key statement')
      .optional()
      .describe('Secret of the TSIG key in base64.'),
    tsig_algorithm: z
      .enum(tsigAlgorithms)
      .prefault('hmac-sha256')
      .describe(
        'Algorithm of the TSIG key. hmac-sha224, hmac-sha1 and hmac-md5 are for servers that know no better one.',
      ),
    timeout: duration()
      .refine((seconds) => seconds >= 1 && seconds <= 120, 'must be between 1s and 2m')
      .prefault('15s')
      .describe('How long the server may take for an answer.'),
  })
  .refine(({ tsig_key_name, tsig_secret }) => (tsig_key_name === undefined) === (tsig_secret === undefined), {
    path: ['tsig_secret'],
    message: 'and tsig_key_name go together: give both, or neither',
  })

export type Config = z.output<typeof configSchema>
