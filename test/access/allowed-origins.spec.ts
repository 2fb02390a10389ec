import { AllowedOrigins, isLoopback } from '../../src/access/allowed-origins.ts';

const own = 'playhead.example.com:3000';

describe('the rule for origins', () => {
  it.each([
    // With nothing set, a service that only this machine can reach.
    [undefined, '127.0.0.1', 'http://localhost:5173', 'without-credentials'],
    [undefined, '127.0.0.1', 'http://127.9.9.9:1', 'without-credentials'],
    [undefined, '127.0.0.1', 'http://[::1]:5173', 'without-credentials'],
    [undefined, '::1', 'http://app.localhost', 'without-credentials'],
    [undefined, 'localhost', 'null', 'without-credentials'],
    [undefined, '127.0.0.1', 'https://localhost.example.com', 'refused'],
    [undefined, '127.0.0.1', 'https://127.0.0.1.example.com', 'refused'],
    [undefined, '127.0.0.1', 'not an origin', 'refused'],
    [undefined, '127.0.0.1', '', 'refused'],
    // With nothing set, a service that others can reach.
    [undefined, '0.0.0.0', 'http://localhost:5173', 'refused'],
    [undefined, '0.0.0.0', 'null', 'refused'],
    [undefined, '0.0.0.0', `http://${own}`, 'with-credentials'],
    [undefined, '0.0.0.0', `https://${own}`, 'with-credentials'],
    [undefined, '0.0.0.0', 'http://playhead.example.com:3001', 'refused'],
    [undefined, '0.0.0.0', undefined, 'with-credentials'],
    // A list says all, beside the service's own origin.
    [['https://app.example.com'], '127.0.0.1', 'https://app.example.com', 'with-credentials'],
    [['https://app.example.com'], '127.0.0.1', 'http://app.example.com', 'refused'],
    [['https://app.example.com'], '127.0.0.1', 'https://app.example.com.evil.org', 'refused'],
    [['https://app.example.com'], '127.0.0.1', 'http://localhost:5173', 'refused'],
    [['https://app.example.com'], '127.0.0.1', `http://${own}`, 'with-credentials'],
    [['https://a.org', '*'], '0.0.0.0', 'https://b.org', 'without-credentials'],
    [['https://a.org', '*'], '0.0.0.0', 'https://a.org', 'with-credentials'],
    [['*'], '0.0.0.0', 'null', 'without-credentials'],
  ] as const)('with %j on %s: %s is %s', (allowedOrigins, host, origin, access) => {
    expect(new AllowedOrigins({ allowedOrigins, host }).accessOf(origin, own)).toBe(access);
  });

  it('knows what only this machine can reach', () => {
    const all = ['127.0.0.1', '127.1.2.3', '::1', '[::1]', 'LOCALHOST', 'x.localhost'];
    expect(all.filter((host) => !isLoopback(host))).toEqual([]);
    const others = ['0.0.0.0', '::', '10.0.0.1', 'localhost.org', '1270.0.0.1', ''];
    expect(others.filter(isLoopback)).toEqual([]);
  });
});
