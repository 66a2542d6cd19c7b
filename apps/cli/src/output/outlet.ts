import { fstatSync, writeSync } from 'node:fs'
import { CertctlError, messageOf } from '@certctl/core'
import { fileFault } from '../file-fault.js'

/** One stream of the process. */
export interface Outlet {
  write(text: string): void
  /** Resolves when all has gone out, or nobody reads it any more; rejects where it could not be written. */
  settled(): Promise<void>
}

/** Where output goes by a socket, a reader that left something unread may also show as the second. */
const goneReader = ['EPIPE', 'ECONNRESET']

/** Whoever reads us may stop reading (`certctl … | head -1`): that is no failure, and the command goes on to the exit code it would have had. */
export function createOutlet(stream: NodeJS.WriteStream & { fd: number }): Outlet {
  let fault: unknown
  const keep = (error: unknown) => {
    if (error !== undefined && error !== null && !goneReader.includes(fileFault(error))) fault ??= error
  }
  stream.on('error', keep)
  // As bigint: Node 20 keeps the last other fstat, and after that of a pipe follows no link any more when it loads a package.
  const isFile = fstatSync(stream.fd, { bigint: true }).isFile()
  return {
    write: (text) => (isFile ? keep(faultOfFile(stream.fd, text)) : void stream.write(text, keep)),
    async settled() {
      await new Promise<void>((written) => {
        stream.write('', (error) => written(keep(error)))
      })
      if (fault !== undefined) throw notWritten(fault)
    },
  }
}

/** A disk that is nearly full takes a part without a word: the platform's stream would leave it at that. */
function faultOfFile(file: number, text: string): unknown {
  const bytes = Buffer.from(text)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    return undefined
  } catch (error) {
    return error
  }
}

function notWritten(cause: unknown): CertctlError {
  return new CertctlError(
    'conflict',
    `The output cannot be written (${messageOf(cause)}), and is not whole; what the command has changed stays changed. Look again where there is room`,
    { cause },
  )
}
