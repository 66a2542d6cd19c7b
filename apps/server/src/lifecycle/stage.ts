declare const stage: unique symbol

/** What a stage returns. Only that stage's file writes `as` to it, so nothing reaches the next stage around it. */
export type Passed<Name extends string, T> = T & { readonly [stage]: Name }
