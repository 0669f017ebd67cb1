import { BackendError } from '../../errors.ts';

/** The runtime's own note of where weights lie: in a guest's model it would name a file of the host. */
const WEIGHTS_NOTE = '__weights_path';

/**
 * Refuses an IR that names a file of weights, in plain text or by character references. OpenVINO 2026.4 does not read it
 * on a CPU, in a trace of its system calls; its code for other devices does.
 *
 * @param xml from its first `<` on
 * @throws BackendError ERR_NN_EXTERNAL_DATA; ERR_NN_INVALID_MODEL for text of two bytes a character, which would hide it
 */
export function refuseWeightsPath(xml: Uint8Array): void {
  if (xml[1] === 0) throw new BackendError('ERR_NN_INVALID_MODEL', 'the OpenVINO IR is not UTF-8');
  const bytes = Buffer.from(xml.buffer, xml.byteOffset, xml.byteLength);
  if (!bytes.includes(WEIGHTS_NOTE) && !hasHiddenNote(bytes)) return;
  throw new BackendError('ERR_NN_EXTERNAL_DATA', 'the OpenVINO IR names a file of weights');
}

function hasHiddenNote(bytes: Buffer): boolean {
  if (!bytes.includes('&#')) return false;
  const text = bytes.toString('latin1').replace(/&#(?:x([0-9a-f]+)|([0-9]+));/gi, (reference, hex, decimal) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code < 0x80 ? String.fromCharCode(code) : reference;
  });
  return text.includes(WEIGHTS_NOTE);
}
