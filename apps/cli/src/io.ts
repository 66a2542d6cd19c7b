/** What a command may see and touch of the world around it. */
export interface Io {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly homeDirectory: string
  readonly terminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Where a live progress display may draw; absent: lines are written instead. */
  readonly progressStream?: NodeJS.WriteStream | undefined
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal
  writeOut(text: string): void
  writeError(text: string): void
  /** Resolves when all of writeOut has gone out, or nobody reads it any more; rejects where it could not be written. */
  settled(): Promise<void>
  /** All of standard input. */
  readStdin(): Promise<string>
  /** Asks the person at the terminal; what they type to a hidden question is not shown. */
  ask(question: string, options: { hidden: boolean }): Promise<string>
  now(): Date
  /** Rejects when the signal fires. */
  delay(seconds: number, signal: AbortSignal): Promise<void>
}
