// Who has the key sees the data, and nobody else; the key stays in the tab's session.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEY, DATA_TYPES, card, enter, eventually, loaded, playing, withOpenPage, withPage } from './browser.mjs';

const stored = (page) => page.evaluate(() => ({
  session: { ...sessionStorage }, local: { ...localStorage }, cookie: document.cookie, address: location.href,
}));

test('without the key there is nothing but the question for it', () => withPage({}, async (page) => {
  assert.equal(await page.getByLabel('The key of the routes').evaluate((it) => it === document.activeElement), true);
  assert.equal(await page.locator('article').count(), 0);
  assert.deepEqual((await stored(page)).session, {});
}));

test('a wrong key is refused and forgotten, and the next one is asked for', () => withPage({}, async (page) => {
  for (const wrong of ['wrong', 'schlüssel', 'two words']) {
    await enter(page, wrong);
    await page.getByRole('alert').filter({ hasText: /not accepted|A key has/ }).waitFor();
    assert.deepEqual((await stored(page)).session, {}, wrong);
  }
  await enter(page);
  await loaded(page);
}));

test('the key is asked for once a session and kept nowhere else', () => withOpenPage({}, async (page) => {
  const { session, local, cookie, address } = await stored(page);
  assert.deepEqual(Object.values(session), [KEY]);
  assert.deepEqual([local, cookie, address.includes(KEY)], [{}, '', false]);
  assert.equal((await page.content()).includes(KEY), false, 'it is not shown');
  await page.reload();
  await loaded(page);
  assert.equal(await page.locator('article').count(), DATA_TYPES.length);
  await withPage({}, async (other) => {
    await other.getByLabel('The key of the routes').waitFor();
  });
}));

test('a key that is no longer accepted is asked for again, and what was shown is gone', () => withOpenPage({}, async (page) => {
  // Played: a key is changed by a deployment, which starts other functions.
  await playing(page, 'status$', () => ({ status: 401, json: { success: false, error: { code: 'bad_request', message: 'm', remedy: 'r' } } }));
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await page.getByText('The key is not accepted').waitFor();
  assert.equal(await page.locator('article').count(), 0);
  assert.deepEqual((await stored(page)).session, {});
}));

test('who is done can forget the key', () => withOpenPage({}, async (page) => {
  await page.getByRole('button', { name: 'Forget the key' }).click();
  await eventually('no card', () => card(page, 'products').count(), (many) => many === 0);
  assert.deepEqual((await stored(page)).session, {});
}));
