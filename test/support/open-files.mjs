import { readdirSync, readlinkSync } from 'node:fs';

/**
 * What is open in this process below a directory.
 * @param {string} directory
 * @returns {string[]}
 */
export function openBelow(directory) {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(directory) ? [target] : [];
    } catch {
      return [];
    }
  });
}
