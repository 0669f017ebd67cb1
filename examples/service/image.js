/** From a picture to the tensor that a graph takes. */
import sharp from 'sharp';

// Clients send what they like: of libvips's many readers only those of common pictures are used, and none that opens files.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['Jpeg', 'Png', 'Webp', 'Nsgif'].map((format) => `VipsForeignLoad${format}Buffer`) });

/** No picture of more pixels is decoded: a small file can hold a very large one. */
const MAX_PIXELS = 2 ** 24;
const MAX_DECODE_SECONDS = 10;

/** More pictures at a time are refused; libuv's threads, four unless told otherwise, decode one each, and the others wait. */
const MAX_DECODES = 64;
let decodes = 0;

/** What cannot be made a tensor of. Fastify answers with the code. */
class UnsupportedImage extends Error {
  statusCode = 415;
}

/** The client may try again. */
class TooManyImages extends Error {
  statusCode = 503;
}

/**
 * @param {Buffer} picture a file: JPEG, PNG, WebP or GIF
 * @param {{ shape: readonly number[] | null, elementType: string }} input of the graph: [1,C,H,W] or [1,H,W,C], u8 or f32
 * @param {{ colour?: 'rgb' | 'bgr' | 'grey', max?: number, background?: 'dark' }} how what the values mean: up to `max`
 *   (default 255), and for drawings, whether the paper is to be dark
 * @returns {Promise<Buffer>} the tensor's bytes
 * @throws an error with statusCode 415: no image, or a graph that takes none; 503: too many at a time
 */
export async function tensorOf(picture, { shape, elementType }, { colour = 'rgb', max = 255, background } = {}) {
  const { isPlanar, channels, height, width } = layoutOf(shape);
  const pixels = await pixelsOf(picture, { width, height, channels });
  const isInverted = background === 'dark' && average(pixels) > 127;
  const values = elementType === 'u8' ? new Uint8Array(pixels.length) : new Float32Array(pixels.length);
  const area = width * height;
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const taken = pixels[pixel * channels + (colour === 'bgr' ? channels - 1 - channel : channel)] ?? 0;
      const value = isInverted ? 255 - taken : taken;
      values[isPlanar ? channel * area + pixel : pixel * channels + channel] =
        elementType === 'u8' ? value : (value / 255) * max;
    }
  }
  return Buffer.from(values.buffer);
}

/** Rows of pixels, of one byte a channel. */
async function pixelsOf(picture, { width, height, channels }) {
  if (decodes >= MAX_DECODES) throw new TooManyImages('too many images at a time');
  decodes += 1;
  try {
    const image = sharp(picture, { limitInputPixels: MAX_PIXELS }).timeout({ seconds: MAX_DECODE_SECONDS });
    const upright = image.rotate().flatten({ background: '#fff' });
    const resized = upright.resize(width, height, { fit: 'cover' });
    return await (channels === 1 ? resized.greyscale() : resized.toColourspace('srgb')).raw().toBuffer();
  } catch (cause) {
    throw new UnsupportedImage(`the image cannot be read: ${cause.message}`, { cause });
  } finally {
    decodes -= 1;
  }
}

function layoutOf(shape) {
  const [one, a, b, c] = shape ?? [];
  if (shape?.length === 4 && one === 1 && [1, 3].includes(a))
    return { isPlanar: true, channels: a, height: b, width: c };
  if (shape?.length === 4 && one === 1 && [1, 3].includes(c))
    return { isPlanar: false, channels: c, height: a, width: b };
  throw new UnsupportedImage(
    `the graph takes no image: its input is [${shape}], not [1,C,H,W] or [1,H,W,C] with 1 or 3 channels`,
  );
}

function average(bytes) {
  return bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
}
