import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { Io } from '../io.js'
import { cleanText } from './clean-text.js'

export type Report = (line: string) => void

/** Does work that takes a while: a live display where a person watches, a line for each change otherwise. Always on stderr. */
export async function withProgress<T>(io: Io, title: string, work: (report: Report) => Promise<T>): Promise<T> {
  const stream = io.progressStream
  if (stream === undefined) return await work((line) => io.writeError(`${title}: ${cleanText(line)}\n`))
  const outcome: { value?: T } = {}
  const logger = new ListrLogger({ processOutput: new ProcessOutput(stream, stream) })
  const task = {
    title,
    task: async (_: unknown, shown: { output: string }) => {
      outcome.value = await work((line) => {
        shown.output = cleanText(line)
      })
    },
    rendererOptions: { persistentOutput: true, outputBar: 8 },
  }
  await new Listr([task], {
    rendererOptions: { logger, showErrorMessage: false },
    registerSignalListeners: false,
  }).run()
  return outcome.value as T
}
