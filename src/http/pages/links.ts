/**
 * Where mailed links lead when no other page is configured. Opening one changes nothing (mail scanners open links too): the page's own
 * button sends the token, which never appears in the HTML and leaves the address bar and the history at once.
 */
import { pageOf } from './page.ts';

/** `send` is a function body with `token` and `form` in scope; it returns a promise of the sentence to show and whether that is the end. */
const scriptOf = (send: string): string => `'use strict';
const token = new URLSearchParams(location.search).get('token') || '';
history.replaceState(null, '', location.pathname);
const form = document.querySelector('form'), says = document.querySelector('output');
const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json' }, body: JSON.stringify(body) }).then((answer) => answer.json());
const ask = (query, variables) => post('/graphql', { query, variables }).then((answer) => {
  if (!answer.data) throw new Error(answer.errors ? answer.errors[0].message : 'No answer.');
  return Object.values(answer.data)[0];
});
const said = (result, done) => result.__typename === 'User' ? { text: done, over: true } : { text: [result.message].concat(result.unmet || []).join(' ') };
const send = async () => {${send}};
form.onsubmit = (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  button.disabled = true;
  says.textContent = 'One moment…';
  send().then(({ text, over }) => { says.textContent = text; if (over) form.hidden = true; }, (error) => { says.textContent = error.message; })
    .finally(() => { button.disabled = false; });
};
if (!token) says.textContent = 'This link has no token: open it as it stands in the mail.';`;

const formOf = (fields: string, button: string): string => `<form>${fields}<button>${button}</button></form><p><output></output></p>
<noscript><p>This page needs JavaScript.</p></noscript>`;
const passwords = `<label for="password">New password</label><input id="password" type="password" autocomplete="new-password" required>
<label for="again">The same again</label><input id="again" type="password" autocomplete="new-password" required>`;
const same = `if (form.password.value !== form.again.value) return { text: 'The two passwords differ.' };`;

export const verifyEmailPage = pageOf({
  title: 'Verify your address',
  body: formOf('<p>Press the button to confirm that this address is yours.</p>', 'Verify'),
  script: scriptOf(`
  const result = await ask('mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename ... on Problem { message } } }', { input: { token } });
  return said(result, 'Thank you: the address is verified. You can sign in now.');`),
});

export const resetPasswordPage = pageOf({
  title: 'Choose a new password',
  body: formOf(passwords, 'Change the password'),
  script: scriptOf(`
  ${same}
  const result = await ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename ... on Problem { message } ... on WeakPassword { unmet } } }', { input: { token, newPassword: form.password.value } });
  return said(result, 'The password is changed, and every session has ended. You can sign in now.');`),
});

export const bootstrapPage = pageOf({
  title: 'Make the first administrator',
  body: formOf(
    `<label for="email">Your address</label><input id="email" type="email" autocomplete="email" required>${passwords}`,
    'Make the account',
  ),
  script: scriptOf(`
  ${same}
  const result = await post('/bootstrap', { token, email: form.email.value, password: form.password.value });
  return { text: result.message, over: result.done };`),
});
