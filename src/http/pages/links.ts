/**
 * Where mailed links lead when no other page is configured. Opening one changes nothing (mail scanners open links too): the page's own
 * button sends the token, which never appears in the HTML and leaves the address bar and the history at once.
 */
import { csrfHeaderName } from '../cookies.ts';
import { pageOf } from './page.ts';

/** `send` is a function body with `token` and `form` in scope; it returns a promise of the sentence to show and whether that is the end. */
const scriptOf = (send: string): string => `'use strict';
const token = new URLSearchParams(location.search).get('token') || '';
history.replaceState(null, '', location.pathname);
let bearer = '';
const form = document.querySelector('form'), says = document.querySelector('output');
const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json', '${csrfHeaderName}': '1', ...(bearer && { authorization: 'Bearer ' + bearer }) }, body: JSON.stringify(body) }).then((answer) => answer.json());
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

/** `asks` words of the field that is shown once a code is wanted. */
const codeField = '<p id="more" hidden><label for="code"></label><input id="code" autocomplete="one-time-code"></p>';

export const magicLinkPage = pageOf({
  title: 'Sign in',
  body: formOf(`<p>Press the button to sign in on this device.</p>${codeField}`, 'Sign in'),
  script: scriptOf(`
  const more = form.querySelector('#more'), label = more.querySelector('label');
  const wants = (words) => { label.textContent = words; more.hidden = false; form.code.value = ''; form.code.focus(); };
  const code = more.hidden ? null : form.code.value.trim();
  const due = form.dataset.challenge;
  const input = due ? { challengeToken: due, type: /^[0-9 ]{6,8}$/.test(code) ? 'TOTP' : 'BACKUP_CODE', code } : { token, code, delivery: 'COOKIE' };
  const result = due
    ? await ask('mutation ($input: VerifyMfaInput!) { verifyMfa(input: $input) { __typename ... on Problem { message } } }', { input })
    : await ask('mutation ($input: MagicLinkLoginInput!) { loginWithMagicLink(input: $input) { __typename ... on Problem { message } ... on MfaRequired { challengeToken methods } } }', { input });
  if (result.__typename === 'SignedIn') return { text: 'You are signed in. You can close this page and go on where you were.', over: true };
  if (result.__typename === 'MfaRequired') {
    if (!result.methods.includes('TOTP') && !result.methods.includes('BACKUP_CODE')) return { text: 'A second factor is due that this page cannot ask for: sign in where you asked for the link.', over: true };
    form.dataset.challenge = result.challengeToken;
    wants('Code of your authenticator app, or a backup code');
    return { text: 'One more step.' };
  }
  if (result.__typename === 'CodeInvalid' && !due) wants('Code that is shown where you asked for the link');
  return { text: result.__typename === 'CodeInvalid' && code === null ? 'One more step.' : result.message };`),
});

export const invitationPage = pageOf({
  title: 'Join an organization',
  body: formOf(
    `<p>Sign in with the address that the invitation was sent to, to accept it. If you have no account yet, make one first.</p>
<label for="email">Your address</label><input id="email" type="email" autocomplete="email" required>
<label for="password">Your password</label><input id="password" type="password" autocomplete="current-password" required>`,
    'Accept the invitation',
  ),
  script: scriptOf(`
  const signedIn = await ask('mutation ($input: LoginInput!) { login(input: $input) { __typename ... on Problem { message } ... on SignedIn { accessToken } } }', { input: { email: form.email.value, password: form.password.value } });
  if (signedIn.__typename === 'MfaRequired') return { text: 'Your account has a second factor: accept the invitation where you usually sign in.', over: true };
  if (signedIn.__typename !== 'SignedIn') return { text: [signedIn.message] };
  bearer = signedIn.accessToken;
  const result = await ask('mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { __typename ... on Problem { message } } }', { input: { token } });
  await ask('mutation { logout { __typename } }');
  return result.__typename === 'OrgMember' ? { text: 'Welcome: you are a member now.', over: true } : { text: [result.message] };`),
});

export const notMePage = pageOf({
  title: 'This was not me',
  body: formOf('<p>Press the button to end that session at once. A link to choose a new password is mailed to you.</p>', 'End the session'),
  script: scriptOf(`
  const result = await ask('mutation ($input: DisownSessionInput!) { disownSession(input: $input) { __typename ... on Problem { message } } }', { input: { token } });
  return result.__typename === 'LoggedOut' ? { text: 'The session has ended. Look into your mailbox, and choose a new password now.', over: true } : { text: [result.message] };`),
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
