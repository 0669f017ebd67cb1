/** The service's page in a real browser. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserIsHere, openBrowser } from '../../support/browser.ts';
import { skipUnless } from '../../support/requirements.ts';
import { nativeRuntime } from '../../support/runtime.ts';
import { temporaryDirectories } from '../../support/temporary-directory.ts';
import { FIXTURES, type RunningService, startService } from './running.ts';

const newDirectory = temporaryDirectories();

describe.skipIf(skipUnless(nativeRuntime()) || skipUnless(browserIsHere))('the page of the example service', () => {
  let service: RunningService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startService(newDirectory());
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await service?.end();
  });

  async function openPage() {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(service.url);
    await page.locator('#graph option').first().waitFor({ state: 'attached' });
    return { page, faults };
  }

  it('shows a bar for each class of an image that was uploaded, the likeliest first', async () => {
    const { page, faults } = await openPage();
    const values = new Float32Array(Uint8Array.from(readFileSync(join(FIXTURES, 'digits', 'tensors', '8.f32'))).buffer);
    const pixels = Buffer.from(values.map((value) => Math.round((1 - value) * 255)));
    const image = sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).resize(200, 200);
    await page
      .locator('#image')
      .setInputFiles({ name: '8.png', mimeType: 'image/png', buffer: await image.png().toBuffer() });
    await page.getByRole('button', { name: 'Classify' }).click();
    const rows = page.locator('#result li');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(5);
    expect(await page.locator('#result .label').first().textContent()).toBe('8');
    expect(await page.locator('#result .score').first().textContent()).toMatch(/^9\d\.\d %$|^100\.0 %$/);
    const widths = await page
      .locator('#result .bar')
      .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
    expect(widths).toEqual([...widths].sort((a, b) => b - a));
    expect(widths[0]).toBeGreaterThan(20);
    expect(await page.locator('#note').textContent()).toMatch(/ms inference$/);
    expect(await page.locator('#result .score').last().textContent()).toBe('< 0.1 %');
    await page
      .locator('#image')
      .setInputFiles({ name: '9.png', mimeType: 'image/png', buffer: Buffer.from('another') });
    expect(await rows.count()).toBe(0);
    expect(await page.locator('#preview').isVisible()).toBe(false);
    expect(faults).toEqual([]);
  });

  it('tells what is wrong with a file that is no image', async () => {
    const { page } = await openPage();
    await page
      .locator('#image')
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no image') });
    await page.getByRole('button', { name: 'Classify' }).click();
    await page.locator('#note.bad').waitFor();
    expect(await page.locator('#note').textContent()).toContain('unsupported image format');
    expect(await page.locator('#result li').count()).toBe(0);
  });

  it('fits a phone, light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport: { width: 360, height: 640 }, colorScheme });
      await page.goto(service.url);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overflow).toBeLessThanOrEqual(0);
    }
  });
});
