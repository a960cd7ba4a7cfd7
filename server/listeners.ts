// Options → servers that listen, one for each address of `listen`: where they may listen, with TLS or without.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { InputError } from '../engine/errors.ts';
import type { ServerOptions } from './options.ts';
import { addressesOf, isLoopback } from './security.ts';
import { checkToken } from './token.ts';

type ListenOptions = Pick<ServerOptions, 'listen' | 'port' | 'token' | 'insecure' | 'tls'>;

/**
 * Who can reach the server, as warnings; none on loopback. Throws OPTION_INVALID for a token that is too short, and without a
 * token beyond loopback, unless that is wanted.
 */
export function checkExposure({ listen, token, insecure, tls }: ListenOptions): string[] {
  if (token !== undefined) checkToken(token);
  const beyond = addressesOf(listen).filter((address) => !isLoopback(address));
  if (beyond.length === 0) return [];
  const where = beyond.join(', ');
  if (token === undefined && !insecure)
    throw new InputError(
      'OPTION_INVALID',
      `Others can reach ${where}: give a --token that they must show (or set PEZ_NODES_TOKEN), or allow everyone with --insecure.`,
    );
  const open =
    token === undefined && `everyone who can reach ${where} may use this server and read what is in its data folder`;
  const plain =
    !tls &&
    `what goes to and from ${where} is not encrypted${token === undefined ? '' : ', the token included'}: see --tls-cert`;
  return [open, plain].filter((line) => line !== false);
}

/** None of them listens yet. Throws OPTION_INVALID if certificate or key cannot be used. */
export function createServers({ listen, tls }: ListenOptions): Server[] {
  const pem = tls && readPem(tls);
  try {
    return listen.split(',').map(() => (pem ? createTlsServer(pem) : createServer()));
  } catch (error) {
    const files = `${tls?.certFile} and ${tls?.keyFile}`;
    throw new InputError(
      'OPTION_INVALID',
      `${files} are not a certificate and its key in PEM: ${(error as Error).message}.`,
      {
        cause: error,
      },
    );
  }
}

function readPem({ certFile, keyFile }: NonNullable<ServerOptions['tls']>): { cert: Buffer; key: Buffer } {
  const read = (option: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      throw new InputError('OPTION_INVALID', `${option} ${path} cannot be read: ${(error as Error).message}.`, {
        cause: error,
      });
    }
  };
  return { cert: read('--tls-cert', certFile), key: read('--tls-key', keyFile) };
}

/** Binds each server to its address, all to one port. Throws OPTION_INVALID. */
export async function listenAll(servers: readonly Server[], { listen, port }: ListenOptions): Promise<void> {
  const hosts = listen.split(',');
  for (const [i, server] of servers.entries()) {
    const chosen = i === 0 ? port : (servers[0].address() as AddressInfo).port;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(chosen, hosts[i].trim(), resolve);
      });
    } catch (error) {
      const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const why = inUse ? 'another program (or another pez-nodes) is listening there' : (error as Error).message;
      throw new InputError('OPTION_INVALID', `Cannot listen on ${listen} port ${port}: ${why}. Give another --port.`, {
        cause: error,
      });
    }
  }
}

/** `http://127.0.0.1:8188` */
export function urlOf(server: Server, { tls }: ListenOptions): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

export async function stopServer(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
