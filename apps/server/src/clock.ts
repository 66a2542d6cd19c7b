/** Where every part gets the time from. In production it follows the database's clock (`aligned-clock.ts`); in tests the test moves it. */
export interface Clock {
  now(): Date
}
