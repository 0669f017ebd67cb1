/**
 * Where OpenVINO's libraries come from. The order of the search stands in `search.ts`; what `setup` fetches, in `download.ts`,
 * which is not exported here since no start of a guest needs it.
 */

export type { FindRuntimeOptions, FoundRuntime, SearchedPlace } from './contract.ts';
export { findRuntime, runtimeNotFound, searchPlaces } from './search.ts';
