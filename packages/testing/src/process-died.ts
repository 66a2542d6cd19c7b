const mark = Symbol.for('certctl.testing.process-died')

/** The process is gone. Whatever the connector does with this, its host answers nothing any more. */
export function processDied(): Error {
  return Object.assign(new Error('The process died here'), { [mark]: true })
}

export function isProcessDied(error: unknown): boolean {
  return error instanceof Error && mark in error
}
