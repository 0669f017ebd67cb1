import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WHEEL_NAME, type WheelOnDisk } from './wheel-archive.ts';

/** A package index on this machine that holds one wheel. */
export interface PackageIndex {
  /** For PIP_INDEX_URL. */
  url: string;
  /** Resolves with the answer to the request for the wheel, of which nothing was sent. */
  asked: Promise<ServerResponse>;
}

export async function startIndex(wheel: WheelOnDisk): Promise<PackageIndex> {
  let serve: (response: ServerResponse) => void = () => {};
  const asked = new Promise<ServerResponse>((resolve) => {
    serve = resolve;
  });
  const page = `<!DOCTYPE html><html><body><a href="/files/${WHEEL_NAME}">${WHEEL_NAME}</a></body></html>`;
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/files/')) return response.setHeader('Content-Type', 'text/html').end(page);
    response.setHeader('Content-Length', wheel.bytes.length);
    return serve(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`, asked };
}
