import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountDigest, displayName, emailKey, parseEmail, usernameKey, usernameProblem } from '../../../src/auth/users/model.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
/** Text that is close to an address: letters of many kinds around an @ and dots. */
const nearlyAddress = fc
  .tuple(
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.constantFrom('com', 'de', 'ΡΦ', 'рф'),
  )
  .map(([local, label, last]) => `${local}@${label}.${last}`);

describe('emailKey', () => {
  it('is total and idempotent', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, nearlyAddress), (text) => {
        const key = emailKey(text);
        expect(emailKey(key)).toBe(key);
      }),
      { numRuns: 3000 },
    );
  });

  it('is the same for an address in any case and with spaces around', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.infiniteStream(fc.boolean()), (email, upper) => {
        const spelled = [...email].map((letter) => (upper.next().value ? letter.toUpperCase() : letter)).join('');
        expect(emailKey(` ${spelled}\t`)).toBe(emailKey(email));
      }),
    );
  });

  it.each([
    ['Ｕser@Example.com', 'user@example.com'],
    ['user@BÜCHER.example', 'user@xn--bcher-kva.example'],
    ['user@bücher.example', 'user@xn--bcher-kva.example'],
    ['user@xn--bcher-kva.example', 'user@xn--bcher-kva.example'],
    ['e\u0301@example.com', '\u00e9@example.com'],
  ])('of %s is %s', (email, key) => {
    expect(emailKey(email)).toBe(key);
  });

  it.each([
    ['user@example.com', 'user2@example.com'],
    ['user@faß.example', 'user@fass.example'],
    ['user+tag@example.com', 'user@example.com'],
    ['us.er@example.com', 'user@example.com'],
  ])('tells %s from %s', (one, other) => {
    expect(emailKey(one)).not.toBe(emailKey(other));
  });
});

describe('parseEmail', () => {
  it('keeps what it takes as typed, within the limits, with a key that parses to itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.emailAddress(), nearlyAddress, anyText), (text) => {
        const email = parseEmail(text);
        if (email === null) return;
        expect(email).toBe(text.trim().normalize('NFC'));
        expect(Buffer.byteLength(email)).toBeLessThanOrEqual(254);
        expect(parseEmail(email)).toBe(email);
        // A mailed address never has a line break, a comma or an angle bracket in it.
        expect(email).not.toMatch(/[\p{Cc}\p{Z},;<>"\\()[\]]/u);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    'a@b.co',
    'First.Last+tag@sub.example.com',
    "o'brien@example.com",
    'имя@почта.рф',
    'user@bücher.example',
    `${'a'.repeat(64)}@example.com`,
    'user@xn--bcher-kva.example',
  ])('takes %s', (text) => {
    expect(parseEmail(text)).toBe(text);
  });

  it.each([
    '',
    'user',
    '@example.com',
    'user@',
    'user@localhost',
    'user@-bad.com',
    'user@bad-.com',
    'user@exa mple.com',
    'user@example..com',
    'user@example.com.',
    '.user@example.com',
    'us..er@example.com',
    'a@b@example.com',
    '"quoted"@example.com',
    'user@[127.0.0.1]',
    'user@127.0.0.1',
    'user@example.com\nBcc: x@example.com',
    'user@example.com, other@example.com',
    'User <user@example.com>',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b.'.repeat(125)}com`,
    // Equal by its key to another mailbox's address (CVE-2019-19844).
    'mi\u212Ae@example.org'.replace('\u212A', '\uFF4B'),
    'user@example.com\u200B',
  ])('refuses %j', (text) => {
    expect(parseEmail(text)).toBeNull();
  });

  it('turns a canonical twin into the plain letter before it is kept, so that mail cannot go to another mailbox', () => {
    expect(parseEmail('mi\u212Ae@example.org')).toBe('miKe@example.org');
  });
});

describe('usernames', () => {
  it('that are acceptable have an idempotent key of the same form', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9._-]{0,40}$/), (username) => {
        if (usernameProblem(username) !== null) return;
        const key = usernameKey(username);
        expect(usernameKey(key)).toBe(key);
        expect(usernameProblem(key)).toBeNull();
        expect(key).toMatch(/^[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]$/);
      }),
      { numRuns: 2000 },
    );
  });

  it('of any other text are refused, by whatever letters it is written', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        if (!/^[A-Za-z0-9._-]{3,32}$/.test(text)) expect(usernameProblem(text)).not.toBeNull();
      }),
    );
  });

  it.each(['ada', 'Ada.Lovelace', 'a_b-c', '007', 'x'.repeat(32)])('may be %s', (username) => {
    expect(usernameProblem(username)).toBeNull();
  });

  it.each(['ab', 'x'.repeat(33), '-ada', 'ada.', 'a da', 'ada@home', 'Root', 'SUPPORT', 'latchkey', 'ａｄａ'])(
    'may not be %s',
    (username) => {
      expect(usernameProblem(username)).toEqual(expect.any(String));
    },
  );
});

describe('accountDigest', () => {
  it('is one for one key and does not show it', () => {
    const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    expect(accountDigest(one, 'a@example.com')).toMatch(/^[0-9a-f]{64}$/);
    expect(accountDigest(one, 'a@example.com')).toBe(accountDigest(one, 'a@example.com'));
    expect(accountDigest(one, 'b@example.com')).not.toBe(accountDigest(one, 'a@example.com'));
    expect(accountDigest(two, 'a@example.com')).not.toBe(accountDigest(one, 'a@example.com'));
  });
});

describe('displayName', () => {
  it('is the name, else the username, else User, and never the address', () => {
    expect(displayName({ name: 'Ada', username: 'ada' })).toBe('Ada');
    expect(displayName({ name: null, username: 'ada' })).toBe('ada');
    expect(displayName({ name: null, username: null })).toBe('User');
  });
});
