/** The pages on which people work with the team's models. */
import type { Listed } from "../page-about";

export const WORK: readonly Listed[] = [];
