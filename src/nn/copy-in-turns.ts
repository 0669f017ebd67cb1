import { setImmediate as nextTurn } from 'node:timers/promises';
import { BackendError } from '../errors.ts';

/** What is copied at once: well under a millisecond. */
export const PIECE_BYTES = 2 * 2 ** 20;

/**
 * Copies bytes that may be a guest's, a piece in each turn of the event loop. Only here, on this thread: another could read
 * from memory that has been given back.
 *
 * @param byteLength as it was when the caller looked at `bytes`
 * @param write keeps a piece, whose bytes are good until it returns
 * @param isAbandoned looked at before each piece: memory of a guest that has ended reads as zeros
 * @throws BackendError ERR_NN_CANCELLED when abandoned, ERR_NN_INVALID_ARGUMENT when the memory grew meanwhile
 */
export async function copyInTurns(
  bytes: Uint8Array,
  byteLength: number,
  write: (offset: number, piece: Uint8Array) => void,
  isAbandoned: () => boolean = () => false,
): Promise<void> {
  for (let offset = 0; offset < byteLength; offset += PIECE_BYTES) {
    if (offset > 0) await nextTurn();
    if (isAbandoned()) throw new BackendError('ERR_NN_CANCELLED', 'nobody waits for the model any more');
    // Of a memory that has grown, views of what it was are empty.
    if (bytes.byteLength !== byteLength) {
      throw new BackendError('ERR_NN_INVALID_ARGUMENT', 'the memory of the model changed its size while it was copied');
    }
    write(offset, bytes.subarray(offset, Math.min(offset + PIECE_BYTES, byteLength)));
  }
}

/**
 * Fills `copy` in the same way.
 * @param copy as long as `bytes`
 * @throws BackendError as {@link copyInTurns}
 */
export async function fillInTurns(
  copy: Uint8Array,
  bytes: Uint8Array,
  isAbandoned?: () => boolean,
): Promise<Uint8Array> {
  await copyInTurns(bytes, copy.byteLength, (offset, piece) => copy.set(piece, offset), isAbandoned);
  return copy;
}
