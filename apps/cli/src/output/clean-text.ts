/** Text of others for a terminal: escape sequences go, other control characters become spaces, so that no name can move the cursor or fake a line. */
export function cleanText(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: ECMA-48 §5.4, a control sequence
      .replace(/(?:\u001b\[|\u009b)[\u0030-\u003f]*[\u0020-\u002f]*[\u0040-\u007e]/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are what must not reach a terminal
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
      .trim()
  )
}
