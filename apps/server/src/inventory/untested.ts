/** A test says something of the settings that it was made with, and nothing of others. */
export const untested = { last_tested_at: null, test_status: null, test_message: null } as const
