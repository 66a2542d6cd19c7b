import { z } from '@certctl/core'
import { settingsSchema } from '../../config.js'
import { tableText } from '../../output/table.js'
import { defineVerb } from '../../verb.js'

export const configExplain = defineVerb({
  name: 'explain',
  summary: 'Shows the settings in force and where each came from',
  examples: ['certctl config explain', 'CERTCTL_SERVER_URL=https://certctl:8443 certctl config explain'],
  given: z.object({}),
  run: async (_, cli) => {
    const { loginFile, server, apiKey, caPem, pin, insecure } = cli.settings()
    const means = settingsSchema.shape
    const rows = [
      { name: 'login file', setting: loginFile, text: 'Where login keeps its key.' },
      { name: 'server', setting: server, text: means.CERTCTL_SERVER_URL.description },
      {
        name: 'API key',
        setting: apiKey && { value: '********', from: apiKey.from },
        text: means.CERTCTL_API_KEY.description,
      },
      {
        name: 'CA',
        setting: caPem && { value: 'given', from: caPem.from },
        text: means.CERTCTL_SERVER_CA_BUNDLE_PATH.description,
      },
      { name: 'CA pin', setting: pin, text: means.CERTCTL_SERVER_PIN.description },
      { name: 'unverified TLS', setting: insecure, text: means.CERTCTL_SERVER_TLS_INSECURE_SKIP_VERIFY.description },
    ]
    const body = rows.map(({ name, setting, text }) => ({
      name,
      value: setting?.value,
      from: setting?.from,
      means: text,
    }))
    cli.show({ settings: body }, () =>
      tableText(
        [
          { title: 'SETTING', value: ({ name }) => name },
          { title: 'VALUE', value: ({ value }) => value },
          { title: 'FROM', value: ({ from }) => from },
          { title: 'MEANS', value: (row) => row.means },
        ],
        body,
      ),
    )
  },
})
